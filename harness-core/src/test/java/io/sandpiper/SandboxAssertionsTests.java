package io.sandpiper;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static java.time.Duration.ZERO;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.sandpiper.context.Scope;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Schedules.class)
@Timeout(60)
class SandboxAssertionsTests {

  private static final Duration LONG = Duration.ofSeconds(30);
  private static final Duration SHORT = Duration.ofMillis(50);

  private final Traffic traffic = new Traffic("T.waits");
  private Scope scope = Scope.open(null, "nobody");

  @BeforeEach
  void bind() {
    scope.close();
    scope = traffic.bind();
  }

  @AfterEach
  void unbind() {
    scope.close();
  }

  /** Waits in an assertion on another thread; returns once it surely waits. */
  private <T> FutureTask<T> waiting(Callable<T> assertion) throws Exception {
    FutureTask<T> task =
        new FutureTask<>(
            () -> {
              try (Scope inside = traffic.bind()) {
                return assertion.call();
              }
            });
    Thread thread = new Thread(task, "the test");
    thread.start();
    while (thread.getState() != Thread.State.TIMED_WAITING) {
      if (task.isDone()) {
        task.get();
        throw new AssertionError("It did not wait.");
      }
      Thread.onSpinWait();
    }
    return task;
  }

  private static <T> T soon(FutureTask<T> task) throws Exception {
    return task.get(20, TimeUnit.SECONDS);
  }

  private static Throwable failure(FutureTask<?> task) {
    Throwable thrown = catchThrowable(() -> soon(task));
    assertThat(thrown).isInstanceOf(ExecutionException.class);
    return Objects.requireNonNull(thrown.getCause());
  }

  @Test
  void each_assertion_is_for_threads_of_a_sandbox() {
    try (Scope nobody = Scope.open(null, "nobody")) {
      assertThatIllegalStateException()
          .isThrownBy(() -> assertReceive(received("q")))
          .withMessageContaining("Put @Sandboxed on the test");
    }
  }

  @Test
  void what_has_arrived_is_returned_and_consumed_in_order() {
    traffic.deliver("q", "{\"n\":1}");
    traffic.deliver("q", "{\"n\":2}");
    traffic.deliver("q", "{\"n\":3}");
    assertThat(assertReceive(received("q").json("/n", 2), ZERO).number()).isEqualTo(2);
    assertThat(assertReceive(received("q"), ZERO).number()).isEqualTo(1);
    assertThat(assertReceive(received("q"), ZERO).number()).isEqualTo(3);
    assertThatThrownBy(() -> assertReceive(received("q"), ZERO))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("consumed by an earlier assertion");
  }

  @Test
  void what_was_sent_is_received_by_an_assertion_too() {
    traffic.send("key", null, "{}");
    assertThat(assertReceive(sent("key"), ZERO).direction()).isEqualTo(Hop.Direction.SENT);
  }

  @Test
  void it_waits_for_the_handler_and_for_each_hold_of_it() throws Exception {
    FutureTask<Hop> waiting = waiting(() -> assertReceive(received("q"), LONG));
    Work work = traffic.arrive("q", "{}");
    work.hold();
    work.finish(null);
    assertThat(waiting.isDone()).isFalse();
    assertThatThrownBy(() -> assertReceive(received("q"), ZERO))
        .hasMessageContaining("#1 matches, but its handler has not finished.")
        .hasMessageContaining("In progress: listener q, open for");
    work.release(null);
    assertThat(soon(waiting).number()).isEqualTo(1);
  }

  @Test
  void a_second_finish_does_not_end_a_hold() {
    Work work = traffic.arrive("q", "{}");
    work.hold();
    work.finish(null);
    work.finish(null);
    assertThat(work.finished()).isFalse();
    work.release(null);
    assertThat(work.finished()).isTrue();
  }

  @Test
  void a_handler_that_failed_fails_the_assertion_at_once_with_its_cause() throws Exception {
    FutureTask<Hop> waiting = waiting(() -> assertReceive(received("q"), LONG));
    IOException cause = new IOException("disk full");
    long before = System.nanoTime();
    traffic.arrive("q", "{}").finish(cause);
    assertThat(failure(waiting))
        .isInstanceOf(AssertionError.class)
        .hasCause(cause)
        .hasMessageStartingWith(
            "#1 received q came, and its handler failed: java.io.IOException: disk full\nTimeline:")
        .hasMessageContaining("failed: java.io.IOException: disk full");
    assertThat(System.nanoTime() - before).isLessThan(LONG.toNanos() / 2);
    // It was shown, so that the end does not tell it again.
    traffic.run.end(traffic.sandbox, null);
  }

  @Test
  void a_failure_of_a_hold_is_one_of_the_handler() {
    Work work = traffic.arrive("q", "{}");
    work.hold();
    work.finish(null);
    work.release(new IOException("commit failed"));
    assertThatThrownBy(() -> assertReceive(received("q"), ZERO))
        .hasMessageContaining("commit failed");
  }

  @Test
  void zero_means_it_must_have_arrived() {
    long before = System.nanoTime();
    assertThatThrownBy(() -> assertReceive(received("q"), ZERO))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith("No message matched within 0 ms: received on \"q\"");
    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(2));
  }

  @RepeatedTest(5)
  void every_message_is_received_exactly_once_by_concurrent_assertions(Random random)
      throws Exception {
    int messages = 200;
    List<FutureTask<List<Integer>>> testers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      FutureTask<List<Integer>> tester =
          new FutureTask<>(
              () -> {
                List<Integer> seen = new ArrayList<>();
                try (Scope inside = traffic.bind()) {
                  for (int n = 0; n < messages / 4; n++) {
                    seen.add(assertReceive(received("q"), LONG).number());
                  }
                }
                return seen;
              });
      testers.add(tester);
      new Thread(tester).start();
    }
    List<Work> open = new ArrayList<>();
    for (int i = 0; i < messages; i++) {
      open.add(traffic.arrive("q", "{}"));
      if (random.nextBoolean()) {
        open.remove(random.nextInt(open.size())).finish(null);
      }
    }
    open.forEach(work -> work.finish(null));
    List<Integer> all = new ArrayList<>();
    for (FutureTask<List<Integer>> tester : testers) {
      all.addAll(soon(tester));
    }
    assertThat(all).hasSize(messages).doesNotHaveDuplicates();
  }

  @Test
  void refute_ends_at_once_where_nothing_is_open_and_nothing_awaited() {
    traffic.deliver("other", "{}");
    long before = System.nanoTime();
    refuteReceive(received("q"), LONG);
    assertThat(System.nanoTime() - before).isLessThan(LONG.toNanos() / 2);
  }

  @Test
  void refute_in_a_task_does_not_wait_for_that_task() throws Exception {
    Callable<Boolean> task =
        Sandbox.wrap(
            () -> {
              refuteReceive(received("q"), LONG);
              return true;
            });
    long before = System.nanoTime();
    assertThat(task.call()).isTrue();
    assertThat(System.nanoTime() - before).isLessThan(LONG.toNanos() / 2);
  }

  @Test
  void refute_waits_while_an_answer_is_outstanding_and_ends_with_it() throws Exception {
    traffic.send("requests", "c1", "{}");
    FutureTask<Boolean> refuting =
        waiting(
            () -> {
              refuteReceive(received("failures"), LONG);
              return true;
            });
    Work reply = traffic.reply("results", "c1", "{}");
    assertThat(refuting.isDone()).isFalse();
    reply.finish(null);
    assertThat(soon(refuting)).isTrue();
  }

  @Test
  void refute_waits_no_longer_than_it_was_told() {
    traffic.send("requests", "c1", "{}");
    refuteReceive(received("failures"), SHORT);
  }

  @Test
  void refute_fails_as_soon_as_one_matches() throws Exception {
    traffic.send("requests", "c1", "{}");
    FutureTask<Boolean> refuting =
        waiting(
            () -> {
              refuteReceive(received("failures"), LONG);
              return true;
            });
    traffic.arrive("failures", "{\"reason\":\"bad\"}");
    assertThat(failure(refuting))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith(
            "A message matched that should not have come: received on \"failures\"\n  #2 +")
        .hasMessageContaining("{\"reason\":\"bad\"}");
  }

  @Test
  void eventually_wakes_on_events_and_not_on_its_poll() throws Exception {
    // Each round fails once before its event, so that by polling it would take 10 ms or more.
    int rounds = 200;
    AtomicInteger round = new AtomicInteger(-1);
    AtomicInteger tried = new AtomicInteger(-1);
    Thread worker =
        new Thread(
            () -> {
              for (int i = 0; i < rounds; i++) {
                while (tried.get() < i) {
                  Thread.onSpinWait();
                }
                round.set(i);
                traffic.sandbox.journal().note("round " + i);
              }
            });
    worker.start();
    List<Duration> took = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      int expected = i;
      long before = System.nanoTime();
      assertEventually(
          () -> {
            boolean come = round.get() >= expected;
            tried.set(expected);
            assertThat(come).isTrue();
          },
          LONG);
      took.add(Duration.ofNanos(System.nanoTime() - before));
    }
    worker.join();
    // A machine that is busy with other things delays some of them.
    assertThat(took.stream().filter(one -> one.compareTo(Duration.ofMillis(5)) < 0))
        .hasSizeGreaterThan(rounds / 4);
  }

  @Test
  void eventually_polls_for_what_makes_no_event() throws Exception {
    AtomicBoolean done = new AtomicBoolean();
    FutureTask<Boolean> waiting =
        waiting(
            () -> {
              assertEventually(() -> assertThat(done).isTrue(), LONG);
              return true;
            });
    done.set(true);
    assertThat(soon(waiting)).isTrue();
  }

  @Test
  void eventually_is_not_woken_by_what_its_own_assertion_does() {
    AtomicInteger attempts = new AtomicInteger();
    Throwable thrown =
        catchThrowable(
            () ->
                assertEventually(
                    () -> {
                      attempts.incrementAndGet();
                      traffic.sandbox.journal().note("SELECT count(*) FROM audit");
                      assertThat(false).isTrue();
                    },
                    Duration.ofMillis(200)));
    assertThat(thrown).isInstanceOf(AssertionError.class);
    assertThat(attempts).hasValueLessThan(40);
  }

  @Test
  void eventually_keeps_the_last_error_and_adds_the_timeline() {
    AtomicInteger attempts = new AtomicInteger();
    Throwable thrown =
        catchThrowable(
            () ->
                assertEventually(
                    () -> {
                      throw new AssertionError("attempt " + attempts.incrementAndGet());
                    },
                    SHORT));
    assertThat(attempts).hasValueGreaterThan(1);
    assertThat(thrown)
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith("Not so within 50 ms: attempt " + attempts + "\n")
        .hasMessageContaining("Timeline:");
    assertThat(thrown.getCause()).hasMessage("attempt " + attempts);
  }

  @Test
  void eventually_tries_once_where_there_is_no_time() {
    AtomicInteger attempts = new AtomicInteger();
    assertEventually(attempts::incrementAndGet, ZERO);
    assertThat(attempts).hasValue(1);
  }

  @Test
  void eventually_runs_in_the_calling_thread_and_scope() {
    assertEventually(
        () -> assertThat(Sandbox.current()).isSameAs(traffic.sandbox), Duration.ofSeconds(1));
  }

  @Test
  void an_exception_that_is_no_assertion_error_is_thrown_as_it_is() {
    IOException broken = new IOException("broken");
    assertThatThrownBy(
            () ->
                assertEventually(
                    () -> {
                      throw broken;
                    },
                    LONG))
        .isSameAs(broken);
  }

  @Test
  void an_interrupt_ends_each_wait_and_is_kept() {
    traffic.send("requests", "c1", "{}");
    List<org.junit.jupiter.api.function.Executable> waits =
        List.of(
            () -> assertReceive(received("q"), LONG),
            () -> refuteReceive(received("q"), LONG),
            () -> assertEventually(() -> assertThat(false).isTrue(), LONG));
    for (org.junit.jupiter.api.function.Executable wait : waits) {
      Thread.currentThread().interrupt();
      assertThatThrownBy(wait::execute)
          .isInstanceOf(AssertionError.class)
          .hasMessageStartingWith("The thread was interrupted while it waited.\nTimeline:");
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void a_wait_that_holds_up_what_it_waits_for_fails_at_once() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    AtomicBoolean heldUp = new AtomicBoolean();
    traffic.sandbox.part(
        "connection",
        () ->
            new SandboxPart() {
              @Override
              public void fence() {}

              @Override
              public void rollBack() {}

              @Override
              public @Nullable String heldUpBy(Thread thread) {
                asked.countDown();
                return heldUp.get() && thread.getName().equals("the test")
                    ? "Drop @Transactional."
                    : null;
              }
            });
    FutureTask<Hop> waiting = waiting(() -> assertReceive(received("q"), LONG));
    asked.await();
    heldUp.set(true);
    traffic.sandbox.signal();
    assertThat(failure(waiting)).hasMessageStartingWith("Drop @Transactional.\nTimeline:");
  }
}
