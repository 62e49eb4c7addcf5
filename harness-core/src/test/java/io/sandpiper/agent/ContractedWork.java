package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.ExecutorContract;
import io.sandpiper.QueueingExecutorContract;
import io.sandpiper.ScheduledExecutorContract;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.Nested;
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
    protected void assertTold(Throwable failure, Throwable told) {
      assertThat(told).hasRootCause(failure);
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
