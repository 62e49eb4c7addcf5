package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RecursiveTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the agent carries, each carrier by a test of its own; run by {@link AgentTests}. */
@Timeout(60)
class CarriedWork {

  private static final Duration DRAIN = Duration.ofSeconds(10);

  private final Run run = Run.create();
  private final Sandbox sandbox =
      run.open(new Sandbox.Settings("T.test", Isolation.NONE, BackgroundErrors.FAIL, DRAIN, this));
  private final ThreadPoolExecutor pool =
      new ThreadPoolExecutor(1, 1, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>(3));
  private final ScheduledExecutorService scheduler = Executors.newScheduledThreadPool(1);
  private final ForkJoinPool forkJoin = new ForkJoinPool(2);
  private final CountDownLatch gate = new CountDownLatch(1);
  private final AtomicReference<@Nullable Sandbox> seen = new AtomicReference<>();
  private @Nullable Scope scope;

  @BeforeEach
  void warm_up() throws Exception {
    pool.submit(() -> {}).get();
    scheduler.submit(() -> {}).get();
    forkJoin.submit(() -> {}).get();
    scope = sandbox.test().bind();
  }

  @AfterEach
  void stop() {
    gate.countDown();
    unbind();
    pool.shutdownNow();
    scheduler.shutdownNow();
    forkJoin.shutdownNow();
  }

  private void unbind() {
    if (scope != null) {
      scope.close();
      scope = null;
    }
  }

  private void end() {
    run.end(sandbox, null);
  }

  private void look() {
    Work work = Work.current();
    seen.set(work == null ? null : work.sandbox());
  }

  private static @Nullable Sandbox current() {
    Work work = Work.current();
    return work == null ? null : work.sandbox();
  }

  private void await() {
    try {
      if (!gate.await(30, TimeUnit.SECONDS)) {
        throw new AssertionError("the gate was never opened");
      }
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }

  /** Ends the sandbox on another thread and opens the gate when it waits. */
  private void assertWaits() throws Exception {
    FutureTask<@Nullable Void> ending =
        new FutureTask<>(
            () -> {
              end();
              return null;
            });
    Thread tester = new Thread(ending);
    unbind();
    tester.start();
    while (tester.getState() != Thread.State.TIMED_WAITING && !ending.isDone()) {
      Thread.onSpinWait();
    }
    assertThat(ending.isDone()).as("the end waits for the task").isFalse();
    gate.countDown();
    ending.get();
  }

  private Runnable gated() {
    return () -> {
      await();
      look();
    };
  }

  @Test
  void a_pool_runs_a_task_in_the_sandbox_and_the_end_waits_for_it() throws Exception {
    pool.execute(gated());
    assertWaits();
    assertThat(seen).hasValue(sandbox);
    assertThat(pool.submit(CarriedWork::current).get()).as("the thread kept nothing").isNull();
  }

  @Test
  void a_future_of_a_pool_is_carried() throws Exception {
    assertThat(pool.submit(CarriedWork::current).get()).isSameAs(sandbox);
    List<Callable<@Nullable Sandbox>> two = List.of(CarriedWork::current, CarriedWork::current);
    for (Future<@Nullable Sandbox> each : pool.invokeAll(two)) {
      assertThat(each.get()).isSameAs(sandbox);
    }
    assertThat(pool.invokeAny(two)).isSameAs(sandbox);
    end();
  }

  @Test
  void a_delayed_task_is_waited_for() {
    scheduler.schedule(this::look, 50, TimeUnit.MILLISECONDS);
    end();
    assertThat(seen).hasValue(sandbox);
  }

  @Test
  void a_fork_join_pool_and_its_forks_are_carried() throws Exception {
    class Fork extends RecursiveTask<@Nullable Sandbox> {
      @Override
      protected @Nullable Sandbox compute() {
        return current();
      }
    }
    class Root extends RecursiveTask<@Nullable Sandbox> {
      @Override
      protected @Nullable Sandbox compute() {
        return new Fork().fork().join() == sandbox ? current() : null;
      }
    }
    assertThat(forkJoin.invoke(new Root())).isSameAs(sandbox);
    assertThat(forkJoin.submit(CarriedWork::current).get()).isSameAs(sandbox);
    end();
  }

  @Test
  void a_completable_future_is_carried() throws Exception {
    CompletableFuture<@Nullable Sandbox> future =
        CompletableFuture.supplyAsync(CarriedWork::current);
    assertThat(future.get()).isSameAs(sandbox);
    end();
  }

  @Test
  void a_thread_is_carried() throws Exception {
    new Thread(gated()).start();
    assertWaits();
    assertThat(seen).hasValue(sandbox);
  }

  @Test
  void a_timer_is_carried() {
    Timer timer = new Timer(true);
    timer.schedule(
        new TimerTask() {
          @Override
          public void run() {
            look();
          }
        },
        50);
    end();
    timer.cancel();
    assertThat(seen).hasValue(sandbox);
  }
}
