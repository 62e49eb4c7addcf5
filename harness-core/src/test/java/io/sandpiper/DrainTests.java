package io.sandpiper;

import static io.sandpiper.Latches.awaitThoughInterrupted;
import static org.assertj.core.api.Assertions.as;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.context.Scope;
import io.sandpiper.context.UnitOfWork;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What becomes of work that is in progress when its test has waited long enough. */
@ExtendWith(Schedules.class)
@Timeout(60)
class DrainTests {

  private static final Duration SHORT = Duration.ofMillis(50);

  private final Run run = Run.create();
  private final ExecutorService single = Executors.newSingleThreadExecutor();
  private final ExecutorService pool = Executors.newFixedThreadPool(4);
  private final ExecutorService onSingle = Sandbox.wrap(single);
  private final ExecutorService onPool = Sandbox.wrap(pool);

  @AfterEach
  void stop() {
    single.shutdownNow();
    pool.shutdownNow();
  }

  private Sandbox open(String name, Duration drain) {
    return open(name, BackgroundErrors.FAIL, drain);
  }

  private Sandbox open(String name, BackgroundErrors errors, Duration drain) {
    return run.open(
        Sandbox.Settings.of(name, Isolation.NONE, this)
            .withBackgroundErrors(errors)
            .withDrain(drain));
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException("stopped", interrupted);
    }
  }

  @Test
  void a_task_that_runs_too_long_is_named_and_stopped_and_its_thread_goes_on_without_a_trace()
      throws Exception {
    Sandbox sandbox = open("T.slow", SHORT);
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    try (Scope scope = sandbox.test().bind()) {
      onSingle.execute(
          () -> {
            running.countDown();
            await(never);
          });
    }
    running.await();
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith(
            "T.slow ended, and after 50 ms of waiting its own background work was still open:\n"
                + "  task lambda of DrainTests, submitted at io.sandpiper.DrainTests.a_task_that_")
        .hasMessageContaining(", open for ")
        .hasMessageContaining(" ms, on pool-")
        .hasMessageContaining("io.sandpiper.DrainTests.await(DrainTests.java:")
        .hasMessageContaining(
            "What runs of it was told to stop, and has.\n"
                + "Await it in the test, or end it.\n"
                + "Timeline:\n")
        .hasNoSuppressedExceptions();
    assertThat(single.submit(() -> Thread.currentThread().isInterrupted()).get()).isFalse();
    Sandbox next = open("T.next", Duration.ofSeconds(10));
    try (Scope scope = next.test().bind()) {
      assertThat(onSingle.submit(() -> never.await(1, TimeUnit.MILLISECONDS)).get()).isFalse();
    }
    run.end(next, null);
  }

  @Test
  void a_task_that_does_not_stop_is_named_again_and_the_suite_goes_on() throws Exception {
    Sandbox sandbox = open("T.stubborn", SHORT);
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    try (Scope scope = sandbox.test().bind()) {
      onSingle.execute(
          () -> {
            running.countDown();
            awaitThoughInterrupted(mayEnd);
          });
    }
    running.await();
    String told = catchThrowable(() -> run.end(sandbox, null)).getMessage();
    assertThat(told)
        .containsSubsequence(
            "task lambda of DrainTests",
            "Latches.awaitThoughInterrupted",
            "What runs of it was told to stop, and 500 ms later this had not:\n"
                + "  task lambda of DrainTests",
            "Latches.awaitThoughInterrupted",
            "Await it in the test, or end it.");
    Sandbox next = open("T.next", Duration.ofSeconds(10));
    try (Scope scope = next.test().bind()) {
      onPool.execute(() -> assertThat(Sandbox.current()).isSameAs(next));
    }
    run.end(next, null);
    mayEnd.countDown();
    assertThat(single.submit(() -> Thread.currentThread().isInterrupted()).get())
        .as("the interrupt is not left to what the thread does next")
        .isFalse();
  }

  @RepeatedTest(30)
  void an_interrupt_reaches_no_other_task_of_the_thread(Random random) throws Exception {
    Queue<String> wrong = new ConcurrentLinkedQueue<>();
    Sandbox late = open("T.late", Duration.ofMillis(1 + random.nextInt(3)));
    Sandbox neighbour = open("T.neighbour", Duration.ofSeconds(10));
    CountDownLatch begun = new CountDownLatch(1);
    for (int i = 0; i < 50; i++) {
      int spins = random.nextInt(20_000);
      try (Scope scope = late.test().bind()) {
        onSingle.execute(
            () -> {
              begun.countDown();
              for (int spin = 0; spin < spins; spin++) {
                Thread.onSpinWait();
              }
            });
      }
      try (Scope scope = neighbour.test().bind()) {
        onSingle.execute(
            () -> {
              if (Thread.currentThread().isInterrupted()) {
                wrong.add("the neighbour's task was interrupted");
              }
            });
      }
    }
    begun.await();
    Throwable tooLate = catchThrowable(() -> run.end(late, null));
    run.end(neighbour, null);
    if (tooLate != null) {
      assertThat(tooLate).hasMessageContaining("was still open").hasNoSuppressedExceptions();
    }
    assertThat(wrong).isEmpty();
    assertThat(late.sinceEnd()).isNotNull();
  }

  @Test
  void a_task_that_has_not_begun_is_named_with_the_place_it_was_submitted_at() throws Exception {
    Sandbox blocker = open("T.blocker", Duration.ofSeconds(30));
    Sandbox sandbox = open("T.queued", SHORT);
    CountDownLatch mayEnd = new CountDownLatch(1);
    try (Scope scope = blocker.test().bind()) {
      onSingle.execute(() -> await(mayEnd));
    }
    try (Scope scope = sandbox.test().bind()) {
      onSingle.execute(() -> {});
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageContaining(
            "submitted at io.sandpiper.DrainTests.a_task_that_has_not_begun_is_named_with_the_place")
        .hasMessageContaining(", not begun\nAwait it in the test, or end it.\n")
        .hasMessageNotContaining("fenced off")
        .hasMessageNotContaining("Timeline:");
    mayEnd.countDown();
    run.end(blocker, null);
  }

  @Test
  void a_task_that_was_wrapped_and_never_run_is_told_so() {
    Sandbox sandbox = open("T.forgets", SHORT);
    try (Scope scope = sandbox.test().bind()) {
      Sandbox.wrap((Runnable) () -> {});
      Sandbox.wrap(() -> 1);
      Sandbox.wrap((Runnable) () -> {}).run();
    }
    String told = catchThrowable(() -> run.end(sandbox, null)).toString();
    assertThat(told.split(", was wrapped and has not been run\n", -1)).hasSize(3);
    assertThat(told)
        .contains("task lambda of DrainTests, wrapped at io.sandpiper.DrainTests.a_task_that_was_")
        .doesNotContain("submitted");
  }

  @Test
  void a_future_that_is_not_complete_is_called_one() {
    Sandbox sandbox = open("T.future", SHORT);
    CompletableFuture<String> never = new CompletableFuture<>();
    try (Scope scope = sandbox.test().bind()) {
      Sandbox.wrap(never);
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageContaining("\n  future CompletableFuture, wrapped at io.sandpiper.DrainTests.")
        .hasMessageContaining(", not complete\nAwait it");
    never.complete("late");
  }

  @Test
  void what_is_planned_for_later_and_cannot_be_cancelled_is_noted_and_holds_up_nobody() {
    Sandbox sandbox = open("T.rigid", Duration.ofSeconds(30));
    try (Scope scope = sandbox.test().bind()) {
      UnitOfWork rigid = Objects.requireNonNull(Sandbox.beginTask(new Object()));
      rigid.dueIn(TimeUnit.HOURS.toNanos(1), () -> false);
      UnitOfWork broken = Objects.requireNonNull(Sandbox.beginTask(new Object()));
      broken.dueIn(
          TimeUnit.HOURS.toNanos(1),
          () -> {
            throw new IllegalStateException("the application's own cancel");
          });
    }
    run.end(sandbox, null);
    assertThat(
            sandbox
                .journal()
                .toString()
                .split("due in 59 min: cannot be cancelled and is fenced off, the test ended", -1))
        .hasSize(3);
  }

  @Test
  void a_message_in_transit_is_named_with_its_destination_and_age() {
    Sandbox sandbox = open("T.transit", SHORT);
    sandbox.inTransit("m1", "scoring.results");
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageMatching(
            "(?s).*\n  message m1 in transit to queue scoring.results for \\d+ ms\nAwait it.*");
  }

  @Test
  void a_task_that_publishes_a_message_whose_listener_starts_a_task_is_waited_for_to_the_last()
      throws Exception {
    Traffic traffic = new Traffic("T.chain");
    AtomicInteger links = new AtomicInteger();
    CountDownLatch go = new CountDownLatch(1);
    try (Scope scope = traffic.bind()) {
      onPool.execute(
          () -> {
            await(go);
            link(traffic, links);
          });
    }
    go.countDown();
    traffic.run.end(traffic.sandbox, null);
    assertThat(links).hasValue(20);
    assertThat(ExecutorContract.counted(traffic.sandbox)).isEmpty();
  }

  /** A task publishes, the broker's thread calls the listener, which starts the next task. */
  private void link(Traffic traffic, AtomicInteger links) {
    if (links.incrementAndGet() == 20) {
      return;
    }
    traffic.sandbox.inTransit("m" + links.get(), "q");
    String message = "m" + links.get();
    single.execute(
        () -> {
          Work listener = traffic.arrive("q", "{}");
          traffic.sandbox.notInTransit(message, "q");
          try (Scope scope = listener.bind()) {
            onPool.execute(() -> link(traffic, links));
          } finally {
            listener.finish(null);
          }
        });
  }

  @Test
  void a_test_that_ends_while_its_state_machine_does_its_final_work_waits_for_that() {
    Sandbox sandbox = open("T.state_machine", Duration.ofSeconds(10));
    List<String> states = new ArrayList<>();
    CountDownLatch ending = new CountDownLatch(1);
    try (Scope scope = sandbox.test().bind()) {
      onSingle.execute(
          () -> {
            await(ending);
            states.add("shipped");
            onSingle.execute(() -> states.add("archived"));
          });
    }
    ending.countDown();
    run.end(sandbox, null);
    assertThat(states).containsExactly("shipped", "archived");
  }

  @Test
  void a_failed_test_stops_its_tasks_after_a_short_grace() throws Exception {
    Sandbox sandbox = open("T.failed", Duration.ofSeconds(30));
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    CountDownLatch stopped = new CountDownLatch(1);
    try (Scope scope = sandbox.test().bind()) {
      onPool.execute(
          () -> {
            running.countDown();
            try {
              never.await();
            } catch (InterruptedException asked) {
              stopped.countDown();
            }
          });
    }
    running.await();
    assertThatThrownBy(() -> run.end(sandbox, new AssertionError("the test failed")))
        .hasMessageContaining("after 500 ms of waiting")
        .hasMessageContaining("was told to stop, and has");
    assertThat(stopped.getCount()).isZero();
  }

  @Test
  void nothing_is_stopped_for_a_test_that_asked_for_no_sandbox() throws Exception {
    Sandbox sandbox = open("T.bystander", BackgroundErrors.REPORT, Duration.ZERO);
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    Future<Boolean> undisturbed;
    try (Scope scope = sandbox.test().bind()) {
      undisturbed =
          onPool.submit(
              () -> {
                running.countDown();
                return mayEnd.await(30, TimeUnit.SECONDS);
              });
    }
    running.await();
    run.end(sandbox, null);
    mayEnd.countDown();
    assertThat(undisturbed.get()).isTrue();
  }

  @Test
  void a_periodic_task_of_a_test_that_asked_for_no_sandbox_goes_on() throws Exception {
    Sandbox sandbox = open("T.bystander", BackgroundErrors.REPORT, Duration.ZERO);
    var scheduler = Executors.newSingleThreadScheduledExecutor();
    try {
      CountDownLatch ended = new CountDownLatch(1);
      CountDownLatch more = new CountDownLatch(3);
      try (Scope scope = sandbox.test().bind()) {
        Sandbox.wrap(scheduler)
            .scheduleAtFixedRate(
                () -> {
                  if (ended.getCount() == 0) {
                    more.countDown();
                  }
                },
                0,
                1,
                TimeUnit.MILLISECONDS);
      }
      run.end(sandbox, null);
      ended.countDown();
      assertThat(more.await(30, TimeUnit.SECONDS)).isTrue();
    } finally {
      scheduler.shutdownNow();
    }
  }

  @Test
  void work_that_says_it_failed_fails_the_test_although_it_returns() {
    Sandbox sandbox = open("T.swallows", Duration.ofSeconds(10));
    Sandbox neighbour = open("T.neighbour", Duration.ofSeconds(10));
    IllegalStateException swallowed = new IllegalStateException("swallowed");
    try (Scope scope = sandbox.test().bind()) {
      onPool.execute(
          () -> {
            Work work = java.util.Objects.requireNonNull(Work.current());
            work.failed(swallowed);
            work.failed(new IllegalStateException("a second one"));
          });
    }
    run.end(neighbour, null);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageContaining("Background work of T.swallows failed: task lambda of DrainTests")
        .hasCause(swallowed)
        .hasNoSuppressedExceptions();
  }

  @Test
  void work_may_say_so_after_it_has_finished_and_of_the_test_itself() {
    Sandbox sandbox = open("T.afterwards", Duration.ofSeconds(10));
    Work work = java.util.Objects.requireNonNull(sandbox.begin("task"));
    work.finish(null);
    IllegalStateException afterwards = new IllegalStateException("afterwards");
    IllegalStateException ofTheTest = new IllegalStateException("of the test");
    work.failed(afterwards);
    sandbox.test().failed(ofTheTest);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasCause(afterwards)
        .satisfies(
            thrown ->
                assertThat(thrown.getSuppressed())
                    .singleElement()
                    .extracting(Throwable::getCause)
                    .isSameAs(ofTheTest));
  }

  @Test
  void one_failure_that_two_tasks_throw_is_told_once() {
    Sandbox sandbox = open("T.twice", Duration.ofSeconds(10));
    IllegalStateException same = new IllegalStateException("same");
    try (Scope scope = sandbox.test().bind()) {
      for (int i = 0; i < 2; i++) {
        onPool.submit(
            () -> {
              throw same;
            });
      }
    }
    assertThatThrownBy(() -> run.end(sandbox, null)).hasCause(same).hasNoSuppressedExceptions();
  }

  @Test
  void very_many_failures_are_told_as_one_and_those_of_other_kinds_beside_it() {
    Sandbox sandbox = open("T.many", Duration.ofSeconds(30));
    Sandbox neighbour = open("T.neighbour", Duration.ofSeconds(30));
    int tasks = 5_000;
    try (Scope scope = sandbox.test().bind()) {
      for (int i = 0; i < tasks; i++) {
        onPool.submit(
            () -> {
              throw new IllegalStateException("always the same");
            });
      }
      for (int i = 0; i < 20; i++) {
        int number = i;
        onSingle.submit(
            () -> {
              throw new IllegalStateException("number " + number);
            });
      }
    }
    run.end(neighbour, null);
    Throwable failure = catchThrowable(() -> run.end(sandbox, null));
    assertThat(failure)
        .hasMessageContaining("Background work of T.many failed 5000 times: task lambda of DrainT")
        .hasMessageContaining(": java.lang.IllegalStateException: always the same")
        .hasMessageContaining("Timeline:")
        .hasCauseInstanceOf(IllegalStateException.class);
    assertThat(String.valueOf(failure.getMessage()).length()).isLessThan(100_000);
    List<String> others = Stream.of(failure.getSuppressed()).map(Throwable::getMessage).toList();
    assertThat(others).hasSize(10).noneMatch(text -> text.contains("Timeline:"));
    assertThat(others.get(0)).endsWith("IllegalStateException: number 0");
    assertThat(others.get(9))
        .isEqualTo("11 more failures of the background work of T.many are in its journal.");
  }

  @Test
  void a_failure_that_is_only_reported_is_a_warning_in_the_log() throws Throwable {
    Sandbox sandbox = open("T.reports", BackgroundErrors.REPORT, Duration.ofSeconds(10));
    try (Scope scope = sandbox.test().bind()) {
      onPool.submit(
          () -> {
            throw new IllegalStateException("only reported");
          });
    }
    assertThat(Warnings.of(Ending.class, () -> run.end(sandbox, null)))
        .singleElement(as(InstanceOfAssertFactories.STRING))
        .startsWith("Background work of T.reports failed: task lambda of DrainTests");
  }
}
