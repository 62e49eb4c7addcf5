package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.ExecutorContract;
import io.sandpiper.QueueingExecutorContract;
import io.sandpiper.Sandbox;
import io.sandpiper.ScheduledExecutorContract;
import io.sandpiper.context.Scope;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** Plain executors keep the contract of all executors; run by {@link AgentTests}. */
class ContractedWork {

  @Nested
  class Fixed extends QueueingExecutorContract {
    @Override
    protected ExecutorService create() {
      return Executors.newFixedThreadPool(4);
    }
  }

  @Nested
  class Cached extends ExecutorContract {
    @Override
    protected ExecutorService create() {
      return Executors.newCachedThreadPool();
    }
  }

  @Nested
  class Single extends QueueingExecutorContract {
    @Override
    protected ExecutorService create() {
      return Executors.newSingleThreadExecutor();
    }

    @Override
    protected int threads() {
      return 1;
    }
  }

  @Nested
  class Scheduled extends ScheduledExecutorContract {
    @Override
    protected ScheduledExecutorService create() {
      return Executors.newScheduledThreadPool(4);
    }
  }

  @Nested
  class ForkJoin extends QueueingExecutorContract {
    @Override
    protected ExecutorService create() {
      return new ForkJoinPool(4);
    }

    /** The pool itself gives other threads a copy of the failure, with the original inside. */
    @Override
    @Test
    public void a_failure_that_the_test_has_seen_does_not_fail_it_again() {
      Sandbox sandbox = open("sees");
      IllegalArgumentException bad = new IllegalArgumentException("bad input");
      try (Scope scope = sandbox.test().bind()) {
        Future<?> future =
            executor()
                .submit(
                    () -> {
                      throw bad;
                    });
        assertThatThrownBy(() -> future.get(30, TimeUnit.SECONDS)).hasRootCause(bad);
      }
      run.end(sandbox, null);
    }
  }

  @Nested
  @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "There are no virtual threads.")
  class Virtual extends ExecutorContract {
    @Override
    protected ExecutorService create() {
      try {
        return (ExecutorService)
            Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
      } catch (ReflectiveOperationException missing) {
        throw new AssertionError(missing);
      }
    }
  }
}
