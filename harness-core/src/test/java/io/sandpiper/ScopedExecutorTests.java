package io.sandpiper;

import static io.sandpiper.Latches.awaitThoughInterrupted;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import io.sandpiper.context.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Executors that carry a sandbox from the thread that submits to the thread that works. */
@ExtendWith(Schedules.class)
@Timeout(60)
class ScopedExecutorTests {

  private static final int SANDBOXES = 8;
  private static final int THREADS = 4;
  private static final int STEPS = 1000;

  private final Run run = Run.create();
  private final Queue<String> wrong = new ConcurrentLinkedQueue<>();
  private final ThreadPoolExecutor pool =
      new ThreadPoolExecutor(THREADS, THREADS, 1, TimeUnit.MINUTES, new ArrayBlockingQueue<>(8)) {
        @Override
        protected void afterExecute(Runnable task, @Nullable Throwable thrown) {
          if (Scope.currentWork() != null) {
            wrong.add("a pooled thread kept " + Scope.currentWork());
          }
        }
      };

  @AfterEach
  void stop() {
    pool.shutdownNow();
  }

  private Sandbox open(String name) {
    return run.open(Sandbox.Settings.of(name, Isolation.NONE, this));
  }

  private static List<Work> counted(Sandbox sandbox) {
    return sandbox.read(() -> sandbox.ledger().counted());
  }

  @RepeatedTest(3)
  void whatever_happens_to_a_task_it_sees_its_submitters_sandbox_and_the_ledger_ends_empty(
      Random random) throws Exception {
    ExecutorService scoped = Sandbox.wrap((ExecutorService) pool);
    List<Sandbox> sandboxes = new ArrayList<>();
    List<Thread> testers = new ArrayList<>();
    AtomicInteger ran = new AtomicInteger();
    AtomicInteger rejected = new AtomicInteger();
    for (int i = 0; i < SANDBOXES; i++) {
      Sandbox sandbox = open("T.test" + i);
      sandboxes.add(sandbox);
      Random own = new Random(random.nextLong());
      Thread tester =
          new Thread(
              () -> {
                try (Scope scope = sandbox.test().bind()) {
                  for (int step = 0; step < STEPS; step++) {
                    try {
                      step(own, scoped, sandbox, ran);
                    } catch (RejectedExecutionException full) {
                      rejected.incrementAndGet();
                      while (pool.getQueue().remainingCapacity() == 0) {
                        Thread.yield();
                      }
                    }
                    if (Work.current() != sandbox.test()) {
                      wrong.add("a tester lost its scope");
                    }
                  }
                } catch (Exception unexpected) {
                  wrong.add("unexpected " + unexpected);
                }
              });
      testers.add(tester);
      tester.start();
    }
    for (Thread tester : testers) {
      tester.join();
    }
    for (Sandbox sandbox : sandboxes) {
      run.end(sandbox, null);
      assertThat(counted(sandbox)).isEmpty();
    }
    assertThat(wrong).isEmpty();
    assertThat(ran).hasValueGreaterThan(SANDBOXES * STEPS / 4);
    assertThat(rejected).as("the schedule fills the queue now and then").hasPositiveValue();
  }

  private void step(Random random, ExecutorService scoped, Sandbox sandbox, AtomicInteger ran)
      throws InterruptedException {
    Callable<Integer> task =
        () -> {
          ran.incrementAndGet();
          Work work = Work.current();
          if (work == null || work.sandbox() != sandbox || work == sandbox.test()) {
            wrong.add("a task of %s ran as %s".formatted(sandbox, work));
          } else if (!counted(sandbox).contains(work)) {
            wrong.add("a task that runs is not counted: " + work);
          }
          return 1;
        };
    List<Callable<Integer>> tasks = List.of(task, task, task);
    try {
      switch (random.nextInt(8)) {
        case 0 -> scoped.execute(() -> call(task));
        case 1 -> {
          Future<Integer> future = scoped.submit(task);
          if (random.nextBoolean()) {
            assertThat(future.get()).isOne();
          }
        }
        case 2 -> {
          Future<?> future = scoped.submit(() -> call(task));
          future.get();
        }
        case 3 -> scoped.submit(task).cancel(random.nextBoolean());
        case 4 -> cancelWhileRunning(scoped, task);
        case 5 -> scoped.invokeAll(tasks, random.nextInt(3), TimeUnit.MILLISECONDS);
        case 6 -> assertThat(scoped.invokeAny(tasks)).isOne();
        default -> ((Executor) scoped).execute(Sandbox.wrap(() -> call(task)));
      }
    } catch (ExecutionException | CancellationException unexpected) {
      wrong.add("unexpected " + unexpected);
    }
  }

  private static void cancelWhileRunning(ExecutorService scoped, Callable<Integer> task) {
    CountDownLatch running = new CountDownLatch(1);
    Future<Integer> future =
        scoped.submit(
            () -> {
              running.countDown();
              return task.call();
            });
    try {
      assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException interrupted) {
      fail(interrupted);
    }
    future.cancel(true);
  }

  private static void call(Callable<Integer> task) {
    try {
      task.call();
    } catch (Exception failed) {
      throw new IllegalStateException(failed);
    }
  }

  /** A pool that works only when told to. */
  private static final class Manual extends java.util.concurrent.AbstractExecutorService {
    private final List<Runnable> queued = new ArrayList<>();
    private int capacity = Integer.MAX_VALUE;

    @Override
    public void execute(Runnable task) {
      if (queued.size() >= capacity) {
        throw new RejectedExecutionException("full");
      }
      queued.add(task);
    }

    void runAll() {
      List<Runnable> now = List.copyOf(queued);
      queued.clear();
      now.forEach(Runnable::run);
    }

    @Override
    public List<Runnable> shutdownNow() {
      List<Runnable> never = List.copyOf(queued);
      queued.clear();
      return never;
    }

    @Override
    public void shutdown() {}

    @Override
    public boolean isShutdown() {
      return false;
    }

    @Override
    public boolean isTerminated() {
      return false;
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) {
      return true;
    }
  }

  private final Manual manual = new Manual();
  private final ExecutorService scopedManual = Sandbox.wrap((ExecutorService) manual);

  @Test
  void a_task_is_counted_from_the_moment_it_is_submitted() {
    Sandbox sandbox = open("T.submits");
    try (Scope scope = sandbox.test().bind()) {
      scopedManual.execute(() -> {});
    }
    assertThat(counted(sandbox)).hasSize(1);
    manual.runAll();
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  void a_task_cancelled_before_it_starts_is_counted_no_more() {
    Sandbox sandbox = open("T.cancels");
    try (Scope scope = sandbox.test().bind()) {
      scopedManual.submit(() -> fail("cancelled")).cancel(false);
    }
    assertThat(counted(sandbox)).isEmpty();
    manual.runAll();
    run.end(sandbox, null);
  }

  @Test
  void a_task_cancelled_while_it_runs_is_counted_until_its_thread_is_through() throws Exception {
    Sandbox sandbox = open("T.cancels");
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    Future<?> future;
    try (Scope scope = sandbox.test().bind()) {
      future =
          Sandbox.wrap((ExecutorService) pool)
              .submit(
                  () -> {
                    running.countDown();
                    awaitThoughInterrupted(mayEnd);
                  });
    }
    running.await();
    future.cancel(true);
    assertThat(future.isDone()).isTrue();
    assertThat(counted(sandbox)).hasSize(1);
    mayEnd.countDown();
    run.end(sandbox, null);
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  void rejected_tasks_are_counted_no_more() {
    manual.capacity = 0;
    Sandbox sandbox = open("T.rejected");
    Callable<Integer> one = () -> 1;
    try (Scope scope = sandbox.test().bind()) {
      assertThatThrownBy(() -> scopedManual.execute(() -> {}))
          .isInstanceOf(RejectedExecutionException.class);
      assertThatThrownBy(() -> scopedManual.submit(one))
          .isInstanceOf(RejectedExecutionException.class);
      assertThatThrownBy(() -> scopedManual.invokeAll(List.of(one, one)))
          .isInstanceOf(RejectedExecutionException.class);
      assertThatThrownBy(() -> scopedManual.invokeAny(List.of(one, one)))
          .isInstanceOf(RejectedExecutionException.class);
    }
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  void tasks_that_shutdown_drops_are_counted_no_more() {
    Sandbox sandbox = open("T.dropped");
    try (Scope scope = sandbox.test().bind()) {
      scopedManual.execute(() -> {});
      scopedManual.submit(() -> {});
    }
    assertThat(counted(sandbox)).hasSize(2);
    assertThat(scopedManual.shutdownNow()).hasSize(2);
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  void a_task_of_an_ended_test_runs_bound_to_it_and_is_not_counted() throws Exception {
    Sandbox sandbox = open("T.ended");
    Future<Sandbox> seen;
    try (Scope scope = sandbox.test().bind()) {
      run.end(sandbox, null);
      seen = Sandbox.wrap((ExecutorService) pool).submit(Sandbox::current);
    }
    assertThat(seen.get()).isSameAs(sandbox);
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  void a_task_of_nobody_runs_as_it_is() throws Exception {
    ExecutorService scoped = Sandbox.wrap((ExecutorService) pool);
    Callable<@Nullable Work> current = Work::current;
    assertThat(scoped.submit(current).get()).isNull();
    Runnable task = () -> {};
    assertThat(Sandbox.wrap(task)).isSameAs(task);
    assertThat(Sandbox.wrap(current)).isSameAs(current);
  }

  @Test
  void a_task_submitted_outside_is_outside_on_its_thread_too() throws Exception {
    ExecutorService scoped = Sandbox.wrap((ExecutorService) pool);
    Sandbox sandbox = open("T.outside");
    try (Scope scope = sandbox.test().bind()) {
      Callable<Boolean> there = Sandbox::isOutside;
      assertThat(Sandbox.outside(() -> scoped.submit(there).get())).isTrue();
      assertThat(Sandbox.outside(() -> Sandbox.wrap(there)).call()).isTrue();
    }
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  void a_wrapped_callable_is_counted_until_it_has_returned() throws Exception {
    Sandbox sandbox = open("T.callable");
    Callable<Sandbox> wrapped;
    try (Scope scope = sandbox.test().bind()) {
      wrapped = Sandbox.wrap(Sandbox::current);
    }
    assertThat(counted(sandbox)).hasSize(1);
    assertThat(wrapped.call()).isSameAs(sandbox);
    assertThat(Work.current()).isNull();
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  void a_failed_task_is_rethrown_as_it_is_and_fails_the_end() {
    Sandbox sandbox = open("T.fails");
    Executor direct = Sandbox.wrap((Executor) Runnable::run);
    IllegalArgumentException bad = new IllegalArgumentException("bad input");
    try (Scope scope = sandbox.test().bind()) {
      assertThatThrownBy(
              () ->
                  direct.execute(
                      () -> {
                        throw bad;
                      }))
          .isSameAs(bad);
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("Background work of T.fails failed")
        .hasCause(bad);
  }

  @Test
  void the_wrapper_shuts_the_service_down() throws Exception {
    ExecutorService inner = Executors.newSingleThreadExecutor();
    ExecutorService scoped = Sandbox.wrap(inner);
    scoped.shutdown();
    assertThat(scoped.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
    assertThat(inner.isTerminated()).isTrue();
    assertThat(scoped.isShutdown()).isTrue();
    assertThat(scoped.isTerminated()).isTrue();
  }
}
