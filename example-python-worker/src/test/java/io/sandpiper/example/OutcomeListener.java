package io.sandpiper.example;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/** Counts what passed, keeps what failed and measures how long it took, discovery left out. */
final class OutcomeListener implements TestExecutionListener {

  private final AtomicInteger passed = new AtomicInteger();
  private final List<InnerRun.Failure> failures = new CopyOnWriteArrayList<>();
  private volatile long startedAt;
  private volatile long endedAt;

  @Override
  public void testPlanExecutionStarted(TestPlan testPlan) {
    startedAt = System.nanoTime();
  }

  @Override
  public void testPlanExecutionFinished(TestPlan testPlan) {
    endedAt = System.nanoTime();
  }

  @Override
  public void executionFinished(TestIdentifier test, TestExecutionResult result) {
    if (result.getStatus() != Status.SUCCESSFUL) {
      Throwable cause =
          result.getThrowable().orElseGet(() -> new AssertionError("ended as " + result));
      failures.add(new InnerRun.Failure(name(test), cause));
    } else if (test.isTest()) {
      passed.incrementAndGet();
    }
  }

  /** The display name of one run of a repeated test does not say of which. */
  private static String name(TestIdentifier test) {
    return test.getSource()
        .filter(MethodSource.class::isInstance)
        .map(source -> ((MethodSource) source).getMethodName() + ", " + test.getDisplayName())
        .orElse(test.getDisplayName());
  }

  InnerRun outcome() {
    return new InnerRun(passed.get(), List.copyOf(failures), Duration.ofNanos(endedAt - startedAt));
  }
}
