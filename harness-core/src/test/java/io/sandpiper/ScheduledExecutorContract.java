package io.sandpiper;

import static io.sandpiper.Latches.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** What executors have to keep that run tasks later, or again and again. */
public abstract class ScheduledExecutorContract extends QueueingExecutorContract {

  @Override
  protected abstract ScheduledExecutorService create();

  /** The one of this test. */
  protected final ScheduledExecutorService scheduler() {
    return (ScheduledExecutorService) executor();
  }

  @Test
  public void the_end_of_a_test_waits_for_its_delayed_tasks() throws Exception {
    Sandbox sandbox = open("delays");
    Sandbox neighbour = open("neighbour");
    AtomicInteger ran = new AtomicInteger();
    try (Scope scope = sandbox.test().bind()) {
      scheduler()
          .schedule(
              () -> {
                assertThat(Sandbox.current()).isSameAs(sandbox);
                ran.incrementAndGet();
              },
              50,
              TimeUnit.MILLISECONDS);
      ScheduledFuture<Sandbox> other =
          scheduler().schedule(Sandbox::current, 1, TimeUnit.MILLISECONDS);
      assertThat(other.get()).isSameAs(sandbox);
      assertThat(other.isDone()).isTrue();
      assertThat(counted(sandbox)).hasSizeLessThanOrEqualTo(2);
    }
    run.end(neighbour, null);
    run.end(sandbox, null);
    assertThat(ran).hasValue(1);
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  public void a_delayed_task_that_is_cancelled_is_not_waited_for() {
    Sandbox sandbox = open("cancels");
    ScheduledFuture<?> future;
    try (Scope scope = sandbox.test().bind()) {
      future = scheduler().schedule(() -> {}, 1, TimeUnit.HOURS);
    }
    assertThat(counted(sandbox)).hasSize(1);
    assertThat(future.getDelay(TimeUnit.MINUTES)).isBetween(50L, 60L);
    assertThat(future.cancel(false)).isTrue();
    assertThat(future.isCancelled()).isTrue();
    assertThat(counted(sandbox)).isEmpty();
    run.end(sandbox, null);
  }

  @Test
  public void delayed_tasks_that_are_dropped_are_not_waited_for() {
    Sandbox sandbox = open("drops");
    try (Scope scope = sandbox.test().bind()) {
      scheduler().schedule(() -> {}, 1, TimeUnit.HOURS);
      scheduler().schedule(() -> 1, 1, TimeUnit.HOURS);
    }
    assertThat(counted(sandbox)).hasSize(2);
    scheduler().shutdownNow();
    assertThat(counted(sandbox)).isEmpty();
    run.end(sandbox, null);
  }

  @Test
  public void a_delayed_task_that_is_due_after_the_end_is_cancelled_and_noted() throws Exception {
    Sandbox sandbox = open("reminds");
    Sandbox neighbour = open("neighbour");
    AtomicInteger ran = new AtomicInteger();
    ScheduledFuture<?> reminder;
    ScheduledFuture<Integer> another;
    ScheduledFuture<?> ofTheNeighbour;
    try (Scope scope = sandbox.test().bind()) {
      reminder = scheduler().schedule(() -> note(ran), 1, TimeUnit.HOURS);
      another = scheduler().schedule(ran::incrementAndGet, 3, TimeUnit.DAYS);
      scheduler().schedule(() -> note(ran), 20, TimeUnit.MILLISECONDS);
    }
    try (Scope scope = neighbour.test().bind()) {
      ofTheNeighbour = scheduler().schedule(() -> note(ran), 1, TimeUnit.HOURS);
    }
    long before = System.nanoTime();
    run.end(sandbox, null);
    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(30));
    assertThat(ran).as("what was due before the deadline").hasValue(1);
    assertThat(reminder.isCancelled()).isTrue();
    assertThat(another.isCancelled()).isTrue();
    assertThat(counted(sandbox)).isEmpty();
    assertThat(sandbox.journal().toString())
        .contains("submitted at io.sandpiper.")
        .contains(", due in 59 min: cancelled, the test ended before")
        .contains(", due in 71 h: cancelled, the test ended before");
    assertThat(ofTheNeighbour.isCancelled()).isFalse();
    assertThat(counted(neighbour)).hasSize(1);
    run.end(neighbour, new AssertionError("failed"));
    assertThat(ofTheNeighbour.isCancelled()).isTrue();
  }

  private static void note(AtomicInteger ran) {
    ran.incrementAndGet();
  }

  @Test
  public void what_is_due_after_the_end_is_cancelled_when_all_else_has_ended_and_not_before() {
    Sandbox sandbox = open("supervises");
    CountDownLatch mayEnd = new CountDownLatch(1);
    AtomicBoolean stillPlanned = new AtomicBoolean();
    Thread ending;
    try (Scope scope = sandbox.test().bind()) {
      ScheduledFuture<?> watchdog = scheduler().schedule(() -> {}, 1, TimeUnit.HOURS);
      scheduler()
          .execute(
              () -> {
                await(mayEnd);
                stillPlanned.set(watchdog.cancel(false));
              });
      ending = new Thread(() -> run.end(sandbox, null));
    }
    ending.start();
    while (ending.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    mayEnd.countDown();
    join(ending);
    assertThat(stillPlanned).isTrue();
    assertThat(sandbox.sinceEnd()).isNotNull();
    assertThat(sandbox.journal().toString()).doesNotContain("cancelled");
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }

  @Test
  public void what_is_due_after_the_end_is_no_work_that_did_not_end() {
    Sandbox sandbox = open("stuck", Duration.ofMillis(50));
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    AtomicInteger ran = new AtomicInteger();
    ScheduledFuture<?> reminder;
    AtomicReference<ScheduledFuture<?>> plannedLast = new AtomicReference<>();
    try (Scope scope = sandbox.test().bind()) {
      reminder = scheduler().schedule(() -> note(ran), 1, TimeUnit.HOURS);
      scheduler()
          .execute(
              () -> {
                running.countDown();
                try {
                  never.await();
                } catch (InterruptedException told) {
                  plannedLast.set(scheduler().schedule(() -> note(ran), 1, TimeUnit.HOURS));
                }
              });
    }
    await(running);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageContaining("was still open:\n")
        .hasMessageContaining("told to stop, and has")
        .satisfies(
            thrown ->
                assertThat(thrown.toString().split("submitted at", -1))
                    .as("the running one, and the reminder in the timeline")
                    .hasSize(3));
    assertThat(reminder.isCancelled()).isTrue();
    assertThat(plannedLast.get().isCancelled()).isTrue();
    assertThat(ran).hasValue(0);
  }

  @Test
  public void what_is_due_after_it_does_not_hold_up_an_assertion_that_nothing_comes() {
    Sandbox sandbox = open("refutes");
    try (Scope scope = sandbox.test().bind()) {
      scheduler().schedule(() -> {}, 1, TimeUnit.HOURS);
      long before = System.nanoTime();
      SandboxAssertions.refuteReceive(Expectation.received("q"), Duration.ofSeconds(60));
      assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(30));
      AtomicInteger ran = new AtomicInteger();
      scheduler().schedule(() -> note(ran), 50, TimeUnit.MILLISECONDS);
      SandboxAssertions.refuteReceive(Expectation.received("q"), Duration.ofSeconds(60));
      assertThat(ran).as("what is due before").hasValue(1);
    }
    run.end(sandbox, null);
  }

  @Test
  public void a_failed_delayed_task_fails_the_test_unless_somebody_asks() {
    Sandbox sandbox = open("fails");
    IllegalStateException bad = new IllegalStateException("late trouble");
    try (Scope scope = sandbox.test().bind()) {
      ScheduledFuture<?> asked =
          scheduler()
              .schedule(
                  () -> {
                    throw new IllegalStateException("seen");
                  },
                  1,
                  TimeUnit.MILLISECONDS);
      assertThatThrownBy(asked::get).isInstanceOf(ExecutionException.class);
      scheduler()
          .schedule(
              () -> {
                throw bad;
              },
              1,
              TimeUnit.MILLISECONDS);
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasCause(bad)
        .hasNoSuppressedExceptions();
  }

  @Test
  public void each_run_of_a_periodic_task_is_in_its_sandbox_and_none_comes_after_its_end()
      throws Exception {
    Sandbox one = open("one");
    Sandbox other = open("other");
    Runs ofOne = new Runs(one);
    Runs ofOther = new Runs(other);
    ScheduledFuture<?> first;
    ScheduledFuture<?> second;
    try (Scope scope = one.test().bind()) {
      first = scheduler().scheduleAtFixedRate(ofOne, 0, 1, TimeUnit.MILLISECONDS);
    }
    try (Scope scope = other.test().bind()) {
      second = scheduler().scheduleWithFixedDelay(ofOther, 0, 1, TimeUnit.MILLISECONDS);
    }
    await(ofOne.several);
    await(ofOther.several);
    run.end(one, null);
    int atTheEnd = ofOne.ran.get();
    assertThat(first.isCancelled()).isTrue();
    assertThat(second.isDone()).isFalse();
    CountDownLatch more = new CountDownLatch(3);
    ofOther.latch(more);
    await(more);
    assertThat(ofOne.ran).as("no run after the end").hasValue(atTheEnd);
    run.end(other, null);
    assertThat(second.isCancelled()).isTrue();
    assertThat(ofOne.strangers).hasValue(0);
    assertThat(ofOther.strangers).hasValue(0);
    assertThat(counted(one)).isEmpty();
    assertThat(counted(other)).isEmpty();
  }

  private static final class Runs implements Runnable {

    private final Sandbox sandbox;
    private final AtomicInteger ran = new AtomicInteger();
    private final AtomicInteger strangers = new AtomicInteger();
    private final CountDownLatch several = new CountDownLatch(5);
    private volatile CountDownLatch more = several;

    Runs(Sandbox sandbox) {
      this.sandbox = sandbox;
    }

    void latch(CountDownLatch latch) {
      more = latch;
    }

    @Override
    public void run() {
      Work work = Work.current();
      if (work == null || work.sandbox() != sandbox || !counted(sandbox).contains(work)) {
        strangers.incrementAndGet();
      }
      ran.incrementAndGet();
      several.countDown();
      more.countDown();
    }
  }

  @Test
  public void the_end_waits_for_a_run_and_not_for_the_next_one() {
    Sandbox sandbox = open("between");
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    AtomicInteger ended = new AtomicInteger();
    ScheduledFuture<?> future;
    try (Scope scope = sandbox.test().bind()) {
      future =
          scheduler()
              .scheduleAtFixedRate(
                  () -> {
                    running.countDown();
                    await(mayEnd);
                    ended.incrementAndGet();
                  },
                  0,
                  1,
                  TimeUnit.HOURS);
    }
    await(running);
    assertThat(counted(sandbox)).hasSize(1);
    mayEnd.countDown();
    run.end(sandbox, null);
    assertThat(ended).hasValue(1);
    assertThat(future.isCancelled()).isTrue();
  }

  @Test
  public void a_run_that_fails_fails_the_test() {
    Sandbox sandbox = open("fails");
    Sandbox seen = open("sees");
    IllegalStateException bad = new IllegalStateException("tick");
    CountDownLatch ran = new CountDownLatch(2);
    Runnable failing =
        () -> {
          ran.countDown();
          throw bad;
        };
    ScheduledFuture<?> asked;
    try (Scope scope = sandbox.test().bind()) {
      scheduler().scheduleAtFixedRate(failing, 0, 1, TimeUnit.HOURS);
    }
    try (Scope scope = seen.test().bind()) {
      asked = scheduler().scheduleAtFixedRate(failing, 0, 1, TimeUnit.HOURS);
    }
    await(ran);
    assertThatThrownBy(asked::get).isInstanceOf(ExecutionException.class).hasCause(bad);
    run.end(seen, null);
    assertThatThrownBy(() -> run.end(sandbox, null)).hasCause(bad);
  }

  @Test
  public void a_run_that_does_not_end_is_told_to_stop_and_no_other_begins() throws Exception {
    Sandbox sandbox = open("stuck", Duration.ofMillis(50));
    AtomicInteger begun = new AtomicInteger();
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch never = new CountDownLatch(1);
    CountDownLatch stopped = new CountDownLatch(1);
    try (Scope scope = sandbox.test().bind()) {
      scheduler()
          .scheduleAtFixedRate(
              () -> {
                begun.incrementAndGet();
                running.countDown();
                try {
                  never.await();
                } catch (InterruptedException told) {
                  stopped.countDown();
                }
              },
              0,
              1,
              TimeUnit.MILLISECONDS);
      await(running);
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageContaining("periodic task")
        .hasMessageContaining("told to stop, and has");
    await(stopped);
    for (int i = 0; i < 100; i++) {
      assertThat(scheduler().submit(Thread::interrupted).get()).as("left to the pool").isFalse();
    }
    assertThat(begun).hasValue(1);
  }

  @Test
  public void a_periodic_task_that_an_ended_test_begins_is_cancelled_at_once() {
    Sandbox sandbox = open("ended");
    AtomicInteger ran = new AtomicInteger();
    try (Scope scope = sandbox.test().bind()) {
      run.end(sandbox, null);
      ScheduledFuture<?> future =
          scheduler().scheduleAtFixedRate(ran::incrementAndGet, 1, 1, TimeUnit.MILLISECONDS);
      assertThat(future.isCancelled()).isTrue();
    }
    assertThat(ran).hasValue(0);
  }

  @Test
  public void a_periodic_task_of_nobody_goes_on() {
    Sandbox bystander = open("bystander");
    CountDownLatch several = new CountDownLatch(3);
    AtomicInteger owned = new AtomicInteger();
    ScheduledFuture<?> future =
        scheduler()
            .scheduleAtFixedRate(
                () -> {
                  if (Scope.currentWork() != null) {
                    owned.incrementAndGet();
                  }
                  several.countDown();
                },
                0,
                1,
                TimeUnit.MILLISECONDS);
    run.end(bystander, null);
    await(several);
    assertThat(future.isDone()).isFalse();
    assertThat(owned).hasValue(0);
    assertThat(future.cancel(true)).isTrue();
  }
}
