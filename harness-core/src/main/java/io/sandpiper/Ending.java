package io.sandpiper;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The end of one sandbox: drain, close, fence, verify, roll back, leave a tombstone, report.
 *
 * <p>A step that fails does not keep the later ones from running; all failures are reported.
 */
final class Ending {

  private static final Duration DRAIN = Duration.ofSeconds(10);
  private static final Duration GRACE_AFTER_FAILURE = Duration.ofMillis(500);

  private final Sandbox sandbox;
  private final boolean testFailed;
  private final List<AssertionError> errors = new ArrayList<>();

  Ending(Sandbox sandbox, @Nullable Throwable testFailure) {
    this.sandbox = sandbox;
    this.testFailed = testFailure != null;
  }

  void run() {
    if (sandbox.sinceEnd() != null) {
      return;
    }
    drainAndClose();
    for (SandboxPart part : sandbox.parts()) {
      part.fence();
    }
    verify();
    rollBack();
    sandbox.run().forget(sandbox);
    report();
  }

  private void drainAndClose() {
    Duration limit = testFailed ? GRACE_AFTER_FAILURE : DRAIN;
    try {
      Boolean closed =
          sandbox.monitor().await(limit, () -> sandbox.closeIfIdle() ? Boolean.TRUE : null);
      if (closed != null) {
        return;
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    errors.add(new AssertionError(stillOpen(limit)));
    sandbox.close();
  }

  private String stillOpen(Duration limit) {
    StringBuilder text = new StringBuilder();
    text.append(
        "%s ended, and after %s of waiting its own background work was still open:%n"
            .formatted(sandbox.testName(), Durations.text(limit)));
    for (Work work : sandbox.read(() -> sandbox.ledger().counted())) {
      text.append("  ").append(work.describe()).append('\n');
      Thread thread = work.thread();
      if (thread != null) {
        for (StackTraceElement frame : thread.getStackTrace()) {
          text.append("      at ").append(frame).append('\n');
        }
      }
    }
    text.append("It is fenced off from the database now. Await it in the test, or end it.\n");
    return text.append("Timeline:\n").append(sandbox.journal()).toString();
  }

  private void verify() {
    if (sandbox.backgroundErrors() == Sandboxed.BackgroundErrors.REPORT) {
      return;
    }
    for (Work work : sandbox.read(() -> sandbox.ledger().failed())) {
      errors.add(
          new AssertionError(
              "Background work of %s failed: %s: %s%nTimeline:%n%s"
                  .formatted(sandbox.testName(), work.name(), work.failure(), sandbox.journal()),
              work.failure()));
    }
  }

  private void rollBack() {
    for (SandboxPart part : sandbox.parts()) {
      try {
        part.rollBack();
      } catch (Exception failed) {
        errors.add(
            new AssertionError(
                "%s could not be rolled back: %s".formatted(sandbox, failed.getMessage()), failed));
      }
    }
  }

  private void report() {
    if (errors.isEmpty()) {
      return;
    }
    AssertionError first = errors.remove(0);
    errors.forEach(first::addSuppressed);
    throw first;
  }
}
