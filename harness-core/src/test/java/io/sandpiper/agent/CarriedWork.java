package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.PriorityBlockingQueue;
import java.util.concurrent.RecursiveTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** What the agent carries, each carrier by a test of its own; run by {@link AgentTests}. */
class CarriedWork extends AgentFixture {

  @Nested
  class Pools {

    @Test
    void run_a_task_in_its_sandbox_and_the_end_waits_for_it() throws Exception {
      pool.execute(gated());
      assertWaits();
      assertThat(seen).hasValue(sandbox);
      assertThat(pool.submit(CarriedWork::current).get()).as("the thread kept nothing").isNull();
    }

    @Test
    void carry_futures() throws Exception {
      assertThat(pool.submit(CarriedWork::current).get()).isSameAs(sandbox);
      List<Callable<@Nullable Sandbox>> two = List.of(CarriedWork::current, CarriedWork::current);
      for (Future<@Nullable Sandbox> each : pool.invokeAll(two)) {
        assertThat(each.get()).isSameAs(sandbox);
      }
      assertThat(pool.invokeAny(two)).isSameAs(sandbox);
      end();
    }

    @Test
    void carry_what_a_task_submits() {
      pool.execute(() -> pool.execute(() -> pool.execute(CarriedWork.this::look)));
      end();
      assertThat(seen).hasValue(sandbox);
    }

    @Test
    void do_not_wait_for_a_future_that_was_cancelled_before_it_began() throws Exception {
      fill();
      Future<?> cancelled = pool.submit(CarriedWork.this::look);
      assertThat(cancelled.cancel(false)).isTrue();
      assertThat(open()).isEqualTo(1);
      assertNothingElseIsWaitedFor();
      assertThat(seen).hasValue(null);
    }

    @Test
    void do_not_wait_for_a_task_that_was_rejected() throws Exception {
      fill();
      for (int i = 0; i < 3; i++) {
        pool.execute(() -> {});
      }
      assertThatThrownBy(() -> pool.execute(CarriedWork.this::look))
          .isInstanceOf(RejectedExecutionException.class);
      assertThat(open()).isEqualTo(4);
      assertNothingElseIsWaitedFor();
    }

    @Test
    void run_rejected_tasks_in_the_scope_of_the_caller() throws Exception {
      pool.setRejectedExecutionHandler(new ThreadPoolExecutor.CallerRunsPolicy());
      fill();
      for (int i = 0; i < 3; i++) {
        pool.execute(() -> {});
      }
      pool.execute(() -> seen.set(Work.current() == sandbox.test() ? sandbox : null));
      assertThat(seen).hasValue(sandbox);
      assertThat(open()).isEqualTo(4);
      assertNothingElseIsWaitedFor();
    }

    @Test
    void do_not_wait_for_a_task_that_makes_way_for_a_newer_one() throws Exception {
      pool.setRejectedExecutionHandler(new ThreadPoolExecutor.DiscardOldestPolicy());
      AtomicInteger ran = new AtomicInteger();
      fill();
      for (int i = 0; i < 5; i++) {
        pool.submit(ran::incrementAndGet);
      }
      assertThat(open()).isEqualTo(4);
      assertNothingElseIsWaitedFor();
      assertThat(ran).hasValue(3);
    }

    @Test
    void carry_a_task_that_the_handler_puts_into_the_queue_itself() throws Exception {
      pool.setRejectedExecutionHandler(
          (task, rejecting) -> {
            rejecting.getQueue().remove();
            rejecting.getQueue().add(task);
          });
      fill();
      for (int i = 0; i < 3; i++) {
        pool.execute(() -> {});
      }
      pool.execute(CarriedWork.this::look);
      gate.countDown();
      pool.shutdown();
      assertThat(pool.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
      assertThat(seen).hasValue(sandbox);
    }

    @Test
    void do_not_wait_for_what_shutdown_now_returns() throws Exception {
      fill();
      Runnable twice = CarriedWork.this::look;
      pool.execute(twice);
      pool.execute(twice);
      FutureTask<@Nullable Void> future = new FutureTask<>(CarriedWork.this::look, null);
      pool.execute(future);
      List<Runnable> never = pool.shutdownNow();
      assertThat(never).hasSize(3);
      assertThat(never.get(0)).isSameAs(twice);
      assertThat(never.get(1)).as("what was submitted, and no wrapper").isSameAs(twice);
      assertThat(never.get(2)).isSameAs(future);
      assertThatThrownBy(CarriedWork.this::end).hasMessageContaining("InterruptedException");
      assertThat(seen).hasValue(null);
    }

    @Test
    void find_and_remove_a_task_that_was_submitted_twice() throws Exception {
      fill();
      Runnable twice = CarriedWork.this::look;
      pool.execute(twice);
      pool.execute(twice);
      assertThat(pool.remove(twice)).isTrue();
      assertThat(pool.remove(twice)).isTrue();
      assertThat(pool.remove(twice)).isFalse();
      assertThat(open()).isEqualTo(1);
      assertNothingElseIsWaitedFor();
    }

    @Test
    void hand_the_applications_own_objects_to_its_hooks() throws Exception {
      Queue<Runnable> known = new ConcurrentLinkedQueue<>();
      ThreadPoolExecutor own =
          new ThreadPoolExecutor(1, 1, 1, TimeUnit.MINUTES, new PriorityBlockingQueue<>()) {
            @Override
            protected void beforeExecute(Thread thread, Runnable task) {
              known.add(task);
            }
          };
      class Urgent implements Runnable, Comparable<Urgent> {
        @Override
        public void run() {
          look();
        }

        @Override
        public int compareTo(Urgent other) {
          return 0;
        }
      }
      List<Urgent> tasks = List.of(new Urgent(), new Urgent(), new Urgent());
      tasks.forEach(own::execute);
      end();
      assertThat(seen).hasValue(sandbox);
      assertThat(known).containsExactlyElementsOf(tasks);
      own.shutdown();
    }

    @Test
    void fail_the_test_where_a_task_fails() {
      pool.execute(
          () -> {
            throw new IllegalArgumentException("lost");
          });
      assertFails("lost");
    }

    @Test
    void fail_the_test_where_a_future_fails_that_nobody_asks() {
      pool.submit(
          () -> {
            throw new IllegalArgumentException("kept");
          });
      assertFails("kept");
    }

    @Test
    void do_not_fail_the_test_where_somebody_asked() {
      Future<?> future =
          pool.submit(
              () -> {
                throw new IllegalArgumentException("seen");
              });
      assertThatThrownBy(future::get).isInstanceOf(ExecutionException.class);
      end();
    }

    @Test
    void refuse_to_let_a_task_of_an_ended_test_join_another() throws Exception {
      fill();
      pool.execute(CarriedWork.this::look);
      unbind();
      Sandbox hasty =
          run.open(
              Sandbox.Settings.of("T.hasty", Isolation.NONE, this)
                  .withBackgroundErrors(BackgroundErrors.REPORT)
                  .withDrain(Duration.ZERO));
      try (Scope bound = hasty.test().bind()) {
        pool.execute(CarriedWork.this::look);
      }
      run.end(hasty, null);
      gate.countDown();
      pool.submit(() -> {}).get();
      assertThat(seen).as("bound to the ended one").hasValue(hasty);
      end();
    }

    @Test
    void count_a_task_of_a_wrapped_pool_once() throws Exception {
      Sandbox.wrap((ExecutorService) pool).execute(gated());
      assertThat(open()).isEqualTo(1);
      Sandbox.wrap((ExecutorService) pool).submit(gated());
      assertThat(open()).isEqualTo(2);
      assertNothingElseIsWaitedFor();
      assertThat(seen).hasValue(sandbox);
    }
  }

  @Nested
  class Schedulers {

    @Test
    void have_delayed_tasks_waited_for() {
      scheduler.schedule(CarriedWork.this::look, 50, TimeUnit.MILLISECONDS);
      end();
      assertThat(seen).hasValue(sandbox);
    }

    @Test
    void do_not_have_cancelled_ones_waited_for() {
      scheduler.schedule(CarriedWork.this::look, 1, TimeUnit.HOURS).cancel(false);
      assertThat(open()).isZero();
      end();
    }

    @Test
    void run_periodic_tasks_in_the_sandbox_until_it_ends() throws Exception {
      CountDownLatch thrice = new CountDownLatch(3);
      ScheduledFuture<?> periodic =
          scheduler.scheduleAtFixedRate(
              () -> {
                look();
                thrice.countDown();
              },
              0,
              1,
              TimeUnit.MILLISECONDS);
      assertThat(thrice.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(seen).hasValue(sandbox);
      end();
      assertThat(periodic.isCancelled()).isTrue();
      seen.set(null);
      scheduler.submit(() -> {}).get();
      assertThat(seen).hasValue(null);
    }

    @Test
    void keep_periodic_tasks_that_no_test_has_begun() {
      unbind();
      ScheduledFuture<?> periodic =
          scheduler.scheduleWithFixedDelay(() -> {}, 0, 1, TimeUnit.MILLISECONDS);
      end();
      assertThat(periodic.isCancelled()).isFalse();
    }
  }

  @Nested
  class ForkJoin {

    @Test
    void carries_tasks_and_forks() throws Exception {
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
      forkJoin.execute(gated());
      assertWaits();
      assertThat(seen).hasValue(sandbox);
    }

    @Test
    void counts_no_fork_that_is_taken_back() {
      class Taken extends RecursiveTask<Integer> {
        @Override
        protected Integer compute() {
          return 1;
        }
      }
      class Root extends RecursiveTask<Integer> {
        @Override
        protected Integer compute() {
          Taken taken = new Taken();
          taken.fork();
          return taken.tryUnfork() ? taken.invoke() : taken.join();
        }
      }
      assertThat(forkJoin.invoke(new Root())).isEqualTo(1);
      assertThat(forkJoin.awaitQuiescence(30, TimeUnit.SECONDS)).isTrue();
      assertThat(open()).isZero();
      end();
    }

    @Test
    void carries_parallel_streams() throws Exception {
      Callable<List<@Nullable Sandbox>> stream =
          () -> IntStream.range(0, 1000).parallel().mapToObj(i -> current()).distinct().toList();
      assertThat(forkJoin.submit(stream).get()).containsExactly(sandbox);
      assertThat(stream.call()).containsExactly(sandbox);
      end();
    }

    @Test
    void does_not_wait_for_a_task_that_was_cancelled_before_it_began() throws Exception {
      forkJoin.execute(CarriedWork.this::await);
      forkJoin.execute(CarriedWork.this::await);
      Future<?> cancelled = forkJoin.submit(CarriedWork.this::look);
      cancelled.cancel(false);
      assertThat(open()).isEqualTo(2);
      assertNothingElseIsWaitedFor();
    }

    @Test
    void fails_the_test_where_a_task_fails_that_nobody_asks() {
      forkJoin.submit(
          () -> {
            throw new IllegalArgumentException("kept");
          });
      assertFails("kept");
    }

    @Test
    void does_not_fail_the_test_where_somebody_asked() {
      for (int i = 0; i < 100; i++) {
        Future<?> future =
            forkJoin.submit(
                () -> {
                  throw new IllegalArgumentException("seen");
                });
        assertThatThrownBy(future::get).isInstanceOf(ExecutionException.class);
      }
      end();
    }

    @Test
    void does_not_lend_the_scope_of_a_task_that_waits_to_one_that_it_runs_meanwhile()
        throws Exception {
      ForkJoinPool one = new ForkJoinPool(1);
      AtomicReference<@Nullable Sandbox> other = new AtomicReference<>(sandbox);
      CountDownLatch submitted = new CountDownLatch(1);
      Future<?> waiting =
          one.submit(
              () -> {
                submitted.await();
                ForkJoinPool.managedBlock(
                    new ForkJoinPool.ManagedBlocker() {
                      @Override
                      public boolean block() {
                        return true;
                      }

                      @Override
                      public boolean isReleasable() {
                        return true;
                      }
                    });
                ForkJoinTask.helpQuiesce();
                return null;
              });
      unbind();
      one.execute(() -> other.set(current()));
      submitted.countDown();
      waiting.get();
      one.shutdown();
      assertThat(one.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
      assertThat(other).hasValue(null);
      end();
    }
  }

  @Nested
  class CompletableFutures {

    @Test
    void carry_asynchronous_functions() throws Exception {
      assertThat(CompletableFuture.supplyAsync(CarriedWork::current).get()).isSameAs(sandbox);
      CompletableFuture.runAsync(gated());
      assertWaits();
      assertThat(seen).hasValue(sandbox);
    }

    @Test
    void run_a_stage_in_the_scope_of_whoever_added_it() throws Exception {
      CompletableFuture<String> source = new CompletableFuture<>();
      CompletableFuture<@Nullable Sandbox> direct = source.thenApply(text -> current());
      CompletableFuture<@Nullable Sandbox> async = source.thenApplyAsync(text -> current());
      unbind();
      Sandbox other = run.open(Sandbox.Settings.of("T.other", Isolation.NONE, this));
      try (Scope bound = other.test().bind()) {
        source.complete("");
      }
      assertThat(direct.get()).isSameAs(sandbox);
      assertThat(async.get()).isSameAs(sandbox);
      run.end(other, null);
      end();
    }

    @Test
    void count_a_stage_while_it_runs_on_a_thread_of_nobody() throws Exception {
      CompletableFuture<String> source = new CompletableFuture<>();
      CountDownLatch runs = new CountDownLatch(1);
      source.thenRun(
          () -> {
            runs.countDown();
            await();
            look();
          });
      unbind();
      new Thread(() -> source.complete("")).start();
      assertThat(runs.await(30, TimeUnit.SECONDS)).isTrue();
      assertWaits();
      assertThat(seen).hasValue(sandbox);
    }

    @Test
    void fail_the_test_where_a_failure_is_kept() {
      CompletableFuture.runAsync(
          () -> {
            throw new IllegalArgumentException("kept");
          });
      assertFails("kept");
    }

    @Test
    void fail_the_test_where_a_stage_fails_and_nobody_looks() {
      CompletableFuture.completedFuture(1)
          .thenApply(
              one -> {
                throw new IllegalArgumentException("kept by a stage");
              });
      assertFails("kept by a stage");
    }

    @Test
    void do_not_fail_the_test_where_somebody_looks() {
      Runnable failing =
          () -> {
            throw new IllegalArgumentException("seen");
          };
      assertThatThrownBy(() -> CompletableFuture.runAsync(failing).get())
          .hasMessageContaining("seen");
      assertThatThrownBy(() -> CompletableFuture.runAsync(failing).thenRun(() -> {}).join())
          .hasMessageContaining("seen");
      CompletableFuture.runAsync(failing).handle((none, failure) -> 1).join();
      CompletableFuture.runAsync(failing).exceptionally(failure -> null).join();
      assertThat(
              CompletableFuture.runAsync(failing)
                  .whenComplete((none, failure) -> {})
                  .handle((none, failure) -> "" + failure)
                  .join())
          .contains("seen");
      end();
    }

    @Test
    void wait_for_a_delayed_executor_and_not_for_timeouts() {
      CompletableFuture.runAsync(
          CarriedWork.this::look,
          CompletableFuture.delayedExecutor(50, TimeUnit.MILLISECONDS, pool));
      new CompletableFuture<String>().orTimeout(1, TimeUnit.HOURS);
      new CompletableFuture<String>().completeOnTimeout("", 1, TimeUnit.HOURS);
      end();
      assertThat(seen).hasValue(sandbox);
    }
  }

  @Nested
  class Threads {

    @Test
    void are_carried_and_waited_for() throws Exception {
      new Thread(gated()).start();
      assertWaits();
      assertThat(seen).hasValue(sandbox);
    }

    @Test
    void are_carried_where_a_subclass_runs() throws Exception {
      class Own extends Thread {
        @Override
        public void run() {
          await();
          look();
        }
      }
      new Own().start();
      assertWaits();
      assertThat(seen).hasValue(sandbox);
    }

    @Test
    void fail_the_test_where_they_die() throws Exception {
      Thread dying =
          new Thread(
              () -> {
                throw new IllegalArgumentException("died");
              });
      dying.setUncaughtExceptionHandler((thread, failure) -> {});
      dying.start();
      dying.join();
      assertFails("died");
    }

    @Test
    void that_are_started_twice_are_counted_once() throws Exception {
      Thread twice = new Thread(gated());
      twice.start();
      assertThatThrownBy(twice::start).isInstanceOf(IllegalThreadStateException.class);
      assertThat(open()).isEqualTo(1);
      assertWaits();
      assertThatThrownBy(twice::start).isInstanceOf(IllegalThreadStateException.class);
      assertThat(open()).isZero();
    }

    @Test
    void of_pools_and_timers_are_not_carried() throws Exception {
      ThreadPoolExecutor fresh =
          new ThreadPoolExecutor(2, 2, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>());
      fresh.prestartAllCoreThreads();
      Timer timer = new Timer(true);
      assertThat(open()).isZero();
      unbind();
      assertThat(fresh.submit(CarriedWork::current).get()).isNull();
      end();
      fresh.shutdown();
      timer.cancel();
    }

    @Test
    void of_libraries_are_not_carried() throws Exception {
      try (HikariDataSource library = new HikariDataSource()) {
        library.setJdbcUrl("jdbc:sqlite::memory:");
        library.setMaximumPoolSize(2);
        try (Connection connection = library.getConnection()) {
          assertThat(connection.isValid(1)).isTrue();
        }
        assertThat(open()).isZero();
        end();
      }
      unbind();
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void that_are_virtual_are_carried() throws Exception {
      Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, gated());
      assertWaits();
      assertThat(seen).hasValue(sandbox);
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void for_each_task_are_carried() throws Exception {
      ExecutorService virtual =
          (ExecutorService)
              Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
      assertThat(virtual.submit(CarriedWork::current).get()).isSameAs(sandbox);
      virtual.execute(
          () -> {
            throw new IllegalArgumentException("died virtually");
          });
      assertFails("died virtually");
    }
  }

  @Nested
  class Timers {

    private final Timer timer = new Timer(true);

    private TimerTask task(Runnable action) {
      return new TimerTask() {
        @Override
        public void run() {
          action.run();
        }
      };
    }

    @AfterEach
    void cancel() {
      timer.cancel();
    }

    @Test
    void are_waited_for() {
      timer.schedule(task(CarriedWork.this::look), 50);
      end();
      assertThat(seen).hasValue(sandbox);
    }

    @Test
    void are_not_waited_for_where_they_are_cancelled() {
      TimerTask cancelled = task(CarriedWork.this::look);
      timer.schedule(cancelled, 3_600_000);
      timer.schedule(task(CarriedWork.this::look), 3_600_000);
      assertThat(open()).isEqualTo(2);
      cancelled.cancel();
      assertThat(open()).isEqualTo(1);
      timer.cancel();
      assertThat(open()).isZero();
      end();
    }

    @Test
    void run_periodic_tasks_in_the_sandbox_until_it_ends() throws Exception {
      CountDownLatch thrice = new CountDownLatch(3);
      TimerTask periodic =
          task(
              () -> {
                look();
                thrice.countDown();
              });
      timer.schedule(periodic, 0, 1);
      assertThat(thrice.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(seen).hasValue(sandbox);
      end();
      assertThat(periodic.cancel()).as("it was cancelled already").isFalse();
    }
  }

  @Test
  void what_is_outside_of_sandboxes_is_not_carried_to_threads_that_go_on() throws Exception {
    unbind();
    AtomicReference<Boolean> outside = new AtomicReference<>(true);
    Thread thread =
        Sandbox.outside(
            () -> {
              Thread started = new Thread(() -> outside.set(Sandbox.isOutside()));
              started.start();
              return started;
            });
    thread.join();
    assertThat(outside).hasValue(false);
    end();
  }
}
