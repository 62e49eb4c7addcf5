package io.sandpiper;

import static io.sandpiper.Latches.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Sandboxed.Background;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tasks that run in the thread that submits them. */
@Timeout(60)
class InlineTests {

  private static final Duration SHORT = Duration.ofMillis(200);

  private final Run run = Run.create();
  private final ScheduledExecutorService pool = Executors.newScheduledThreadPool(4);
  private final ScheduledExecutorService scoped = Sandbox.wrap(pool);
  private final AtomicInteger ran = new AtomicInteger();

  @AfterEach
  void stop() {
    pool.shutdownNow();
  }

  private Sandbox open(String name) {
    return open(name, Duration.ofSeconds(10));
  }

  private Sandbox open(String name, Duration drain) {
    return run.open(
        Sandbox.Settings.of(name, Isolation.NONE, this)
            .withBackground(Background.INLINE)
            .withDrain(drain));
  }

  /** A task that runs on the thread of whoever makes it, in a counted unit of work of its own. */
  private Callable<Integer> here(Sandbox sandbox) {
    Thread caller = Thread.currentThread();
    return () -> {
      Work work = Objects.requireNonNull(Work.current());
      assertThat(Thread.currentThread()).isSameAs(caller);
      assertThat(work.sandbox()).isSameAs(sandbox);
      assertThat(work).isNotSameAs(sandbox.test());
      assertThat(ExecutorContract.counted(sandbox)).contains(work);
      return ran.incrementAndGet();
    };
  }

  @Test
  void a_task_has_ended_when_its_submitter_goes_on_in_whatever_way_it_is_submitted()
      throws Exception {
    Sandbox sandbox = open("T.inline");
    Callable<Integer> task = here(sandbox);
    Runnable runnable =
        () -> CompletableFuture.completedFuture(0).thenApply(zero -> unchecked(task));
    try (Scope scope = sandbox.test().bind()) {
      scoped.execute(runnable);
      assertThat(ran).hasValue(1);
      assertThat(scoped.submit(task).isDone()).isTrue();
      assertThat(scoped.submit(runnable).isDone()).isTrue();
      assertThat(ran).hasValue(3);
      for (Future<Integer> each : scoped.invokeAll(List.of(task, task))) {
        assertThat(each.isDone()).isTrue();
      }
      assertThat(scoped.invokeAny(List.of(task))).isEqualTo(6);
      CompletableFuture<Integer> future =
          CompletableFuture.supplyAsync(() -> unchecked(task), scoped)
              .thenApplyAsync(number -> number + unchecked(task), scoped);
      assertThat(future).isCompletedWithValue(15);
      ScheduledFuture<Integer> delayed = scoped.schedule(task, 1, TimeUnit.HOURS);
      assertThat(delayed.isDone()).isTrue();
      assertThat(delayed.get()).isEqualTo(9);
      assertThat(delayed.getDelay(TimeUnit.SECONDS)).isZero();
      assertThat(scoped.schedule(runnable, 1, TimeUnit.HOURS).isDone()).isTrue();
      assertThat(ran).hasValue(10);
      assertThat(Work.current()).isSameAs(sandbox.test());
    }
    assertThat(ExecutorContract.counted(sandbox)).isEmpty();
    run.end(sandbox, null);
  }

  private static <T> T unchecked(Callable<T> task) {
    try {
      return task.call();
    } catch (Exception failed) {
      throw new IllegalStateException(failed);
    }
  }

  @Test
  void a_periodic_task_runs_once_and_can_be_cancelled() {
    Sandbox sandbox = open("T.periodic");
    ScheduledFuture<?> future;
    ScheduledFuture<?> another;
    try (Scope scope = sandbox.test().bind()) {
      future = scoped.scheduleAtFixedRate(ran::incrementAndGet, 1, 1, TimeUnit.MILLISECONDS);
      assertThat(ran).hasValue(1);
      assertThat(future.isDone()).isFalse();
      assertThatThrownBy(() -> future.get(1, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
      assertThat(future.cancel(false)).isTrue();
      another = scoped.scheduleWithFixedDelay(ran::incrementAndGet, 0, 1, TimeUnit.MILLISECONDS);
    }
    run.end(sandbox, null);
    assertThat(another.isCancelled()).isTrue();
    assertThat(ran).hasValue(2);
  }

  @Test
  void a_failure_is_not_thrown_at_the_submitter_and_fails_the_test() {
    Sandbox sandbox = open("T.fails");
    IllegalStateException bad = new IllegalStateException("bad");
    try (Scope scope = sandbox.test().bind()) {
      scoped.execute(
          () -> {
            throw bad;
          });
      Future<?> seen =
          scoped.submit(
              () -> {
                throw new IllegalStateException("seen");
              });
      assertThatThrownBy(seen::get).isInstanceOf(ExecutionException.class);
      ScheduledFuture<?> periodic =
          scoped.scheduleAtFixedRate(
              () -> {
                throw new IllegalStateException("seen");
              },
              0,
              1,
              TimeUnit.HOURS);
      assertThatThrownBy(periodic::get).isInstanceOf(ExecutionException.class);
    }
    assertThatThrownBy(() -> run.end(sandbox, null)).hasCause(bad).hasNoSuppressedExceptions();
  }

  @Test
  void a_neighbour_on_the_same_executor_has_its_tasks_on_the_threads_of_the_pool()
      throws Exception {
    Sandbox inline = open("T.inline");
    Sandbox concurrent = run.open(Sandbox.Settings.of("T.neighbour", Isolation.NONE, this));
    for (int i = 0; i < 100; i++) {
      try (Scope scope = inline.test().bind()) {
        scoped.submit(here(inline)).get();
      }
      try (Scope scope = concurrent.test().bind()) {
        Thread test = Thread.currentThread();
        Callable<Boolean> elsewhere =
            () -> Sandbox.current() == concurrent && Thread.currentThread() != test;
        assertThat(scoped.submit(elsewhere).get()).isTrue();
      }
      assertThat(scoped.submit(() -> Scope.currentWork() == null).get()).isTrue();
    }
    run.end(inline, null);
    run.end(concurrent, null);
  }

  @Test
  void what_a_listener_call_submits_runs_in_its_thread() throws Exception {
    Sandbox sandbox = open("T.listener");
    Work listener = Objects.requireNonNull(sandbox.begin("listener"));
    pool.submit(
            () -> {
              try (Scope scope = listener.bind()) {
                scoped.execute(() -> unchecked(here(sandbox)));
                return scoped.submit(here(sandbox)).get();
              } finally {
                listener.finish(null);
              }
            })
        .get();
    assertThat(ran).hasValue(2);
    run.end(sandbox, null);
  }

  @Test
  void tasks_that_submit_tasks_nest_and_one_that_never_stops_is_named() {
    Sandbox sandbox = open("T.nests");
    AtomicInteger depth = new AtomicInteger();
    try (Scope scope = sandbox.test().bind()) {
      scoped.execute(() -> again(depth, 50));
      assertThat(depth).hasValue(50);
      depth.set(0);
      // The application catches it; the test must hear of it all the same.
      scoped.execute(() -> again(depth, Integer.MAX_VALUE));
    }
    assertThat(depth).hasValue(InlineTasks.DEEPEST);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("task lambda of InlineTests, submitted at")
        .hasMessageContaining("submitted at io.sandpiper.InlineTests.again(InlineTests.java:")
        .hasMessageContaining("Use background = CONCURRENT for this test")
        .hasCauseInstanceOf(RejectedExecutionException.class)
        .hasNoSuppressedExceptions();
  }

  private void again(AtomicInteger depth, int limit) {
    if (depth.incrementAndGet() < limit) {
      try {
        scoped.execute(() -> again(depth, limit));
      } catch (RejectedExecutionException ignored) {
        ran.incrementAndGet();
      }
    }
  }

  @Test
  void a_task_that_waits_for_what_comes_after_it_is_named_and_interrupted() {
    Sandbox sandbox = open("T.deadlocks", SHORT);
    Sandbox neighbour = open("T.neighbour", SHORT);
    CountDownLatch later = new CountDownLatch(1);
    try (Scope scope = sandbox.test().bind()) {
      Future<?> future = scoped.submit(() -> theWaitingMethod(later));
      assertThatThrownBy(future::get).hasRootCauseInstanceOf(InterruptedException.class);
      later.countDown();
      assertThat(Thread.currentThread().isInterrupted()).isFalse();
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("task lambda of InlineTests, submitted at")
        .hasMessageContaining(", submitted at io.sandpiper.InlineTests.")
        .hasMessageContaining(
            "waits for what can come only after it has returned: it has waited for 200 ms")
        .hasMessageContaining("Use background = CONCURRENT for this test")
        .hasMessageContaining("InlineTests.theWaitingMethod")
        .hasMessageContaining(
            "InlineTests.a_task_that_waits_for_what_comes_after_it_is_named_and_interrupted(")
        .satisfies(
            thrown ->
                assertThat(thrown.getMessage())
                    .as("what calls the test method")
                    .doesNotContain("at org.junit", "app//org.junit", "Method.invoke"))
        .hasNoSuppressedExceptions();
    run.end(neighbour, null);
  }

  private static void theWaitingMethod(CountDownLatch later) {
    await(later);
  }

  @Test
  void a_task_inside_of_another_is_the_one_that_is_named() {
    Sandbox sandbox = open("T.nested", SHORT);
    CountDownLatch later = new CountDownLatch(1);
    try (Scope scope = sandbox.test().bind()) {
      scoped.execute(
          () -> {
            ran.incrementAndGet();
            theSubmittingMethod(later);
          });
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageContaining(", submitted at io.sandpiper.InlineTests.theSubmittingMethod(")
        .satisfies(
            thrown ->
                assertThat(thrown.getSuppressed())
                    .as("the task that was interrupted failed as well")
                    .hasSizeLessThanOrEqualTo(1));
  }

  private void theSubmittingMethod(CountDownLatch later) {
    scoped.execute(() -> await(later));
  }

  @Test
  void a_task_that_waits_for_other_work_of_its_test_is_left_alone() {
    Sandbox sandbox = open("T.waits", SHORT);
    Work listener = Objects.requireNonNull(sandbox.begin("listener"));
    CountDownLatch handled = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    List<String> seen = new ArrayList<>();
    pool.execute(
        () -> {
          try {
            seen.add("waited " + never.await(SHORT.toMillis() * 4, TimeUnit.MILLISECONDS));
          } catch (InterruptedException interrupted) {
            seen.add("interrupted");
          }
          listener.finish(null);
          handled.countDown();
        });
    try (Scope scope = sandbox.test().bind()) {
      scoped.execute(
          () -> {
            await(handled);
            ran.incrementAndGet();
          });
    }
    assertThat(ran).hasValue(1);
    assertThat(seen).containsExactly("waited false");
    run.end(sandbox, null);
  }

  @Test
  void an_executor_that_is_shut_down_rejects_here_too() {
    Sandbox sandbox = open("T.shut");
    scoped.shutdown();
    try (Scope scope = sandbox.test().bind()) {
      assertThatThrownBy(() -> scoped.execute(ran::incrementAndGet))
          .isInstanceOf(RejectedExecutionException.class);
      assertThatThrownBy(() -> scoped.schedule(ran::incrementAndGet, 1, TimeUnit.HOURS))
          .isInstanceOf(RejectedExecutionException.class);
    }
    assertThat(ran).hasValue(0);
    run.end(sandbox, null);
  }

  @Nested
  @Sandboxed(isolation = Isolation.NONE, background = Background.INLINE)
  class By_annotation {

    @Test
    void a_tests_tasks_run_in_its_thread() throws Exception {
      assertThat(scoped.submit(Thread::currentThread).get()).isSameAs(Thread.currentThread());
    }

    @Test
    @Sandboxed(isolation = Isolation.NONE)
    void the_annotation_of_a_method_comes_first() throws Exception {
      assertThat(scoped.submit(Thread::currentThread).get()).isNotSameAs(Thread.currentThread());
    }
  }
}
