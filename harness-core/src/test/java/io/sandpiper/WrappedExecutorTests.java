package io.sandpiper;

import static io.sandpiper.Latches.awaitThoughInterrupted;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.context.Scope;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** The executors of the JDK in {@link Sandbox#wrap}. */
class WrappedExecutorTests {

  @Nested
  class Fixed extends QueueingExecutorContract {
    @Override
    protected ExecutorService create() {
      return Sandbox.wrap(Executors.newFixedThreadPool(4));
    }
  }

  @Nested
  class Cached extends ExecutorContract {
    @Override
    protected ExecutorService create() {
      return Sandbox.wrap(Executors.newCachedThreadPool());
    }
  }

  @Nested
  class Single extends QueueingExecutorContract {
    @Override
    protected ExecutorService create() {
      return Sandbox.wrap(Executors.newSingleThreadExecutor());
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
      return Sandbox.wrap(Executors.newScheduledThreadPool(4));
    }
  }

  @Nested
  class Work_stealing extends QueueingExecutorContract {
    @Override
    protected ExecutorService create() {
      return Sandbox.wrap((ExecutorService) new ForkJoinPool(4));
    }
  }

  @Nested
  @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "There are no virtual threads.")
  class Virtual extends ExecutorContract {
    @Override
    protected ExecutorService create() {
      try {
        return Sandbox.wrap(
            (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null));
      } catch (ReflectiveOperationException missing) {
        throw new AssertionError(missing);
      }
    }
  }

  @Test
  void a_scheduled_service_stays_one_by_whatever_type_it_is_known() {
    ScheduledExecutorService service = Executors.newSingleThreadScheduledExecutor();
    try {
      assertThat(Sandbox.wrap((Executor) service)).isInstanceOf(ScheduledExecutorService.class);
      assertThat(Sandbox.wrap((ExecutorService) service))
          .isInstanceOf(ScheduledExecutorService.class);
    } finally {
      service.shutdownNow();
    }
  }

  @Test
  void a_pool_that_cancels_its_delayed_tasks_at_shutdown_keeps_no_test_waiting() {
    ScheduledThreadPoolExecutor pool = new ScheduledThreadPoolExecutor(1);
    pool.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    ScheduledExecutorService scoped = Sandbox.wrap((ScheduledExecutorService) pool);
    Traffic traffic = new Traffic("T.shuts");
    try (Scope scope = traffic.bind()) {
      scoped.schedule(() -> {}, 1, TimeUnit.HOURS);
    }
    assertThat(ExecutorContract.counted(traffic.sandbox)).hasSize(1);
    scoped.shutdown();
    assertThat(ExecutorContract.counted(traffic.sandbox)).isEmpty();
    traffic.run.end(traffic.sandbox, null);
  }

  @Test
  void a_future_that_a_fork_join_pool_drops_is_cancelled_as_it_would_be_without_us()
      throws Exception {
    ExecutorService pool = Sandbox.wrap((ExecutorService) new ForkJoinPool(1));
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    Traffic traffic = new Traffic("T.drops");
    pool.execute(
        () -> {
          running.countDown();
          awaitThoughInterrupted(mayEnd);
        });
    running.await();
    Future<?> future;
    try (Scope scope = traffic.bind()) {
      future = pool.submit(() -> {});
    }
    pool.shutdownNow();
    assertThat(future.isCancelled()).isTrue();
    mayEnd.countDown();
    traffic.run.end(traffic.sandbox, null);
  }

  @Test
  void the_common_pool_is_never_shut_down_and_loses_no_task() throws Exception {
    ExecutorService common = Sandbox.wrap((ExecutorService) ForkJoinPool.commonPool());
    CountDownLatch mayEnd = new CountDownLatch(1);
    AtomicInteger ran = new AtomicInteger();
    Traffic traffic = new Traffic("T.common");
    int tasks = ForkJoinPool.commonPool().getParallelism() + 4;
    try (Scope scope = traffic.bind()) {
      for (int i = 0; i < tasks; i++) {
        common.execute(
            () -> {
              awaitThoughInterrupted(mayEnd);
              ran.incrementAndGet();
            });
      }
    }
    common.shutdownNow();
    assertThat(ExecutorContract.counted(traffic.sandbox)).hasSize(tasks);
    mayEnd.countDown();
    traffic.run.end(traffic.sandbox, null);
    assertThat(ran).hasValue(tasks);
  }

  @Test
  void a_cancelled_delayed_task_leaves_the_queue_of_its_pool() {
    ScheduledThreadPoolExecutor pool = new ScheduledThreadPoolExecutor(1);
    pool.setRemoveOnCancelPolicy(true);
    Traffic traffic = new Traffic("T.cancels");
    try (Scope scope = traffic.bind()) {
      Sandbox.wrap((ScheduledExecutorService) pool)
          .schedule(() -> {}, 1, TimeUnit.HOURS)
          .cancel(false);
    }
    assertThat(pool.getQueue()).isEmpty();
    pool.shutdownNow();
  }
}
