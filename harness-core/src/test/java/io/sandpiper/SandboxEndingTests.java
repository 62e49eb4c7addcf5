package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Schedules.class)
@Timeout(60)
class SandboxEndingTests {

  private final Run run = Run.create();
  private final ExecutorService pool = Executors.newFixedThreadPool(4);
  private final ExecutorService scoped = Sandbox.wrap(pool);

  @AfterEach
  void stop() {
    pool.shutdownNow();
  }

  private Sandbox open(BackgroundErrors errors, Duration drain) {
    return run.open(
        Sandbox.Settings.of("T.ends", Isolation.NONE, this)
            .withBackgroundErrors(errors)
            .withDrain(drain));
  }

  private Sandbox open() {
    return open(BackgroundErrors.FAIL, Duration.ofSeconds(10));
  }

  private static Work begun(Sandbox sandbox, String name) {
    Work work = sandbox.begin(name);
    assertThat(work).isNotNull();
    return java.util.Objects.requireNonNull(work);
  }

  @RepeatedTest(20)
  void the_end_waits_for_work_that_begins_more_work(Random random) {
    Sandbox sandbox = open();
    AtomicInteger left = new AtomicInteger(100 + random.nextInt(100));
    try (Scope scope = sandbox.test().bind()) {
      scoped.execute(() -> more(left));
    }
    run.end(sandbox, null);
    assertThat(left).hasNonPositiveValue();
  }

  private void more(AtomicInteger left) {
    if (left.getAndDecrement() > 0) {
      scoped.execute(() -> more(left));
    }
  }

  @RepeatedTest(50)
  void work_that_begins_while_the_doors_close_is_either_waited_for_or_refused(Random random)
      throws Exception {
    Sandbox sandbox = open();
    int threads = 3;
    CyclicBarrier together = new CyclicBarrier(threads + 1);
    AtomicInteger begun = new AtomicInteger();
    AtomicInteger finished = new AtomicInteger();
    AtomicInteger refused = new AtomicInteger();
    List<Thread> workers = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      int spins = random.nextInt(2000);
      Callable<Void> worker =
          () -> {
            together.await();
            while (true) {
              Work work = sandbox.begin("racer");
              if (work == null) {
                refused.incrementAndGet();
                return null;
              }
              begun.incrementAndGet();
              if (sandbox.sinceEnd() != null) {
                throw new AssertionError("The doors closed while work was counted.");
              }
              for (int spin = 0; spin < spins; spin++) {
                Thread.onSpinWait();
              }
              finished.incrementAndGet();
              work.finish(null);
              if (spins % 2 == 0) {
                // Leave a gap, so that the end has a chance.
                Thread.yield();
              }
            }
          };
      Thread thread = new Thread(new java.util.concurrent.FutureTask<>(worker));
      workers.add(thread);
      thread.start();
    }
    together.await();
    run.end(sandbox, null);
    int atTheEnd = finished.get();
    for (Thread worker : workers) {
      worker.join();
    }
    assertThat(finished.get()).isEqualTo(atTheEnd).isEqualTo(begun.get());
    assertThat(refused).hasValue(threads);
    assertThat(sandbox.begin("later")).isNull();
  }

  @Test
  void a_message_that_comes_during_the_drain_is_handled_and_waited_for() throws Exception {
    Traffic traffic = new Traffic("T.drains");
    CountDownLatch mayReply = new CountDownLatch(1);
    AtomicInteger handled = new AtomicInteger();
    try (Scope scope = traffic.bind()) {
      Sandbox.wrap(pool)
          .submit(
              () -> {
                mayReply.await();
                Work listener = traffic.arrive("q", "{}");
                pool.execute(
                    () -> {
                      handled.incrementAndGet();
                      listener.finish(null);
                    });
                return null;
              });
    }
    Thread ending = new Thread(() -> traffic.run.end(traffic.sandbox, null));
    ending.start();
    while (ending.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    mayReply.countDown();
    ending.join();
    assertThat(handled).hasValue(1);
    assertThat(traffic.sandbox.sinceEnd()).isNotNull();
  }

  @Test
  void all_errors_of_background_work_fail_the_end() {
    Sandbox sandbox = open();
    IOException first = new IOException("first");
    IllegalStateException second = new IllegalStateException("second");
    begun(sandbox, "listener a").finish(first);
    begun(sandbox, "task b").finish(second);
    begun(sandbox, "task c").finish(null);
    Throwable thrown = catchThrowable(() -> run.end(sandbox, null));
    assertThat(thrown)
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith(
            "Background work of T.ends failed: listener a: java.io.IOException: first\nTimeline:\n")
        .hasCause(first);
    assertThat(thrown.getSuppressed())
        .singleElement()
        .extracting(Throwable::getCause)
        .isSameAs(second);
    assertThat(sandbox.sinceEnd()).isNotNull();
  }

  @Test
  void reported_errors_are_in_the_journal_and_only_there() {
    Sandbox sandbox = open(BackgroundErrors.REPORT, Duration.ofSeconds(10));
    begun(sandbox, "listener a").finish(new IOException("first"));
    run.end(sandbox, null);
    assertThat(sandbox.journal().toString())
        .contains("listener a failed: java.io.IOException: first");
  }

  @Test
  void work_that_does_not_end_is_named_with_its_stack_and_the_run_goes_on() throws Exception {
    Sandbox sandbox = open(BackgroundErrors.FAIL, Duration.ofMillis(20));
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    try (Scope scope = sandbox.test().bind()) {
      scoped.submit(
          () -> {
            running.countDown();
            theStuckMethod(never);
            return null;
          });
    }
    running.await();
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith(
            "T.ends ended, and after 20 ms of waiting its own background work was still open:\n"
                + "  task ")
        .hasMessageContaining(", on pool-")
        .hasMessageContaining("SandboxEndingTests.theStuckMethod")
        .hasMessageContaining("Await it in the test, or end it.\nTimeline:\n");
    assertThat(sandbox.sinceEnd()).isNotNull();
    assertThat(sandbox.begin("later")).isNull();
    run.end(open(), null);
    never.countDown();
  }

  private static void theStuckMethod(CountDownLatch never) throws InterruptedException {
    never.await();
  }

  @Test
  void work_that_does_not_end_fails_no_test_that_only_reports() {
    Sandbox sandbox = open(BackgroundErrors.REPORT, Duration.ZERO);
    begun(sandbox, "task stuck");
    long before = System.nanoTime();
    run.end(sandbox, null);
    assertThat(sandbox.sinceEnd()).isNotNull();
    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(5));
  }

  @Test
  void a_failed_test_gives_its_background_work_a_short_grace_only() {
    Sandbox sandbox = open(BackgroundErrors.FAIL, Duration.ofSeconds(30));
    begun(sandbox, "task stuck");
    long before = System.nanoTime();
    assertThatThrownBy(() -> run.end(sandbox, new AssertionError("the test failed")))
        .hasMessageContaining("after 500 ms of waiting");
    assertThat(Duration.ofNanos(System.nanoTime() - before))
        .isBetween(Duration.ofMillis(500), Duration.ofSeconds(10));
  }

  @Test
  void ending_twice_ends_once() {
    Sandbox sandbox = open();
    Part part = new Part();
    sandbox.part("part", () -> part);
    run.end(sandbox, null);
    run.end(sandbox, null);
    assertThat(part.calls).containsExactly("fence", "roll back");
  }

  @Test
  void an_interrupted_thread_drains_and_rolls_back_all_the_same() throws Exception {
    Sandbox sandbox = open();
    Work work = begun(sandbox, "task");
    Part part = new Part();
    sandbox.part("part", () -> part);
    Thread.currentThread().interrupt();
    pool.execute(() -> work.finish(null));
    run.end(sandbox, null);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(part.calls).containsExactly("fence", "roll back");
    assertThat(part.interrupted).isFalse();
  }

  private static class Part implements SandboxPart {
    final List<String> calls = new ArrayList<>();
    boolean interrupted;

    @Override
    public void fence() {
      calls.add("fence");
    }

    @Override
    public void rollBack() throws Exception {
      calls.add("roll back");
      interrupted = Thread.currentThread().isInterrupted();
    }

    @Override
    public @Nullable String heldUpBy(Thread thread) {
      return null;
    }
  }

  @Test
  void a_step_that_fails_keeps_none_of_the_others_from_running() {
    Sandbox sandbox = open();
    Part bad =
        new Part() {
          @Override
          public void fence() {
            super.fence();
            throw new IllegalStateException("no fence");
          }

          @Override
          public void rollBack() throws Exception {
            super.rollBack();
            throw new StackOverflowError("no rollback");
          }
        };
    Part good = new Part();
    sandbox.part("bad", () -> bad);
    sandbox.part("good", () -> good);
    begun(sandbox, "listener a").finish(new IOException("background"));
    Throwable thrown = catchThrowable(() -> run.end(sandbox, null));
    assertThat(thrown).isInstanceOf(AssertionError.class).hasMessageContaining("no fence");
    assertThat(thrown.getSuppressed())
        .extracting(Throwable::getMessage)
        .satisfiesExactly(
            background -> assertThat(background).contains("background"),
            rollback -> assertThat(rollback).contains("could not be rolled back: no rollback"));
    assertThat(bad.calls).containsExactly("fence", "roll back");
    assertThat(good.calls).containsExactly("fence", "roll back");
  }

  @Test
  void a_part_is_made_once_and_not_after_the_end() {
    Sandbox sandbox = open();
    SandboxPart part = sandbox.part("a", Part::new);
    assertThat(sandbox.part("a", Part::new)).isSameAs(part);
    run.end(sandbox, null);
    assertThat(sandbox.part("a", Part::new)).isSameAs(part);
    assertThat(sandbox.part("b", Part::new)).isNull();
  }
}
