package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** What tasks of the JDK's executors are called; run by {@link AgentTests}. */
@Timeout(60)
class NamedWork {

  private final Run run = Run.create();
  private final CountDownLatch begun = new CountDownLatch(1);
  private final CountDownLatch never = new CountDownLatch(1);
  private final ExecutorService pool = Executors.newCachedThreadPool();
  private final ScheduledExecutorService scheduler = Executors.newScheduledThreadPool(1);
  private final ForkJoinPool forkJoin = new ForkJoinPool(2);

  @AfterEach
  void stop() {
    never.countDown();
    pool.shutdownNow();
    scheduler.shutdownNow();
    forkJoin.shutdownNow();
  }

  private final class Archiving implements Runnable {
    @Override
    public void run() {
      hang();
    }
  }

  private final class Counting implements Callable<Integer> {
    @Override
    public Integer call() {
      hang();
      return 1;
    }
  }

  private void hang() {
    begun.countDown();
    try {
      never.await();
    } catch (InterruptedException told) {
      Thread.currentThread().interrupt();
    }
  }

  private interface Submission {
    void submit() throws Exception;
  }

  /** Whatever is submitted does not end in time, and is told with these words. */
  private void assertTold(String name, Submission submission) throws Exception {
    Sandbox sandbox =
        run.open(
            Sandbox.Settings.of("T.names", Isolation.NONE, this).withDrain(Duration.ofMillis(100)));
    try (Scope scope = sandbox.test().bind()) {
      submission.submit();
      assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue();
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageContaining("\n  " + name + ", submitted at io.sandpiper.agent.NamedWork.");
  }

  @Test
  void the_runnable_in_a_future() throws Exception {
    assertTold("task NamedWork$Archiving", () -> pool.submit(new Archiving()));
  }

  @Test
  void the_callable_in_a_future() throws Exception {
    assertTold("task NamedWork$Counting", () -> pool.submit(new Counting()));
  }

  @Test
  void a_lambda_in_a_future() throws Exception {
    assertTold("task lambda of NamedWork", () -> pool.submit(this::hang));
  }

  @Test
  void what_is_executed_as_it_is() throws Exception {
    assertTold("task NamedWork$Archiving", () -> pool.execute(new Archiving()));
  }

  @Test
  void the_task_in_a_future_of_the_application() throws Exception {
    assertTold(
        "task NamedWork$Archiving", () -> pool.execute(new FutureTask<>(new Archiving(), 1)));
  }

  @Test
  void a_delayed_task() throws Exception {
    assertTold(
        "task NamedWork$Archiving",
        () -> scheduler.schedule(new Archiving(), 1, TimeUnit.MILLISECONDS));
  }

  @Test
  void a_periodic_task() throws Exception {
    assertTold(
        "periodic task NamedWork$Archiving",
        () -> scheduler.scheduleAtFixedRate(new Archiving(), 0, 1, TimeUnit.HOURS));
  }

  @Test
  void a_task_of_a_fork_join_pool() throws Exception {
    assertTold("task NamedWork$Counting", () -> forkJoin.submit(new Counting()));
  }

  @Test
  void a_runnable_of_a_fork_join_pool() throws Exception {
    assertTold("task NamedWork$Archiving", () -> forkJoin.execute(new Archiving()));
  }

  @Test
  void what_completes_a_future() throws Exception {
    assertTold("task NamedWork$Archiving", () -> CompletableFuture.runAsync(new Archiving(), pool));
  }

  @Test
  void a_function_of_a_future() throws Exception {
    assertTold(
        "task NamedWork$Archiving",
        () -> CompletableFuture.completedFuture(1).thenRunAsync(new Archiving(), pool));
  }

  @Test
  void what_a_delayed_executor_runs() throws Exception {
    assertTold(
        "task NamedWork$Archiving",
        () ->
            CompletableFuture.delayedExecutor(1, TimeUnit.MILLISECONDS, pool)
                .execute(new Archiving()));
  }

  @Test
  void a_threads_task_and_the_thread() throws Exception {
    assertTold(
        "task NamedWork$Archiving in thread archiver",
        () -> new Thread(new Archiving(), "archiver").start());
  }

  @Test
  void a_class_of_threads() throws Exception {
    class Archiver extends Thread {
      Archiver() {
        super("archiver");
      }

      @Override
      public void run() {
        hang();
      }
    }
    assertTold("task NamedWork$1Archiver in thread archiver", () -> new Archiver().start());
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21)
  void a_virtual_threads_task() throws Exception {
    assertTold(
        "task NamedWork$Archiving",
        () ->
            Thread.class
                .getMethod("startVirtualThread", Runnable.class)
                .invoke(null, new Archiving()));
  }

  @Test
  void a_timers_task() throws Exception {
    Timer timer = new Timer(true);
    class Reminder extends TimerTask {
      @Override
      public void run() {
        hang();
      }
    }
    assertTold("task NamedWork$1Reminder", () -> timer.schedule(new Reminder(), 1));
    timer.cancel();
  }

  @Test
  void a_task_that_has_failed() throws Exception {
    Sandbox sandbox = run.open(Sandbox.Settings.of("T.fails", Isolation.NONE, this));
    Callable<Integer> failing =
        () -> {
          throw new IllegalStateException("trouble");
        };
    try (Scope scope = sandbox.test().bind()) {
      pool.submit(failing);
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageContaining(
            "Background work of T.fails failed: task lambda of NamedWork, submitted at"
                + " io.sandpiper.agent.NamedWork.");
  }
}
