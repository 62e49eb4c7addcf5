package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.CountedWork;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** What is due only after the test has ended; run by {@link AgentTests}. */
class PlannedWork extends AgentFixture {

  private final Timer timer = new Timer(true);
  private final AtomicInteger ran = new AtomicInteger();

  @AfterEach
  void cancel() {
    timer.cancel();
  }

  private TimerTask reminder() {
    return new TimerTask() {
      @Override
      public void run() {
        ran.incrementAndGet();
      }
    };
  }

  private static Executor inAnHour() {
    return CompletableFuture.delayedExecutor(1, TimeUnit.HOURS);
  }

  private void assertEndsAtOnce(int cancelled) {
    unbind();
    long before = System.nanoTime();
    end();
    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(8));
    assertThat(open()).isZero();
    assertThat(sandbox.journal().toString().split("due in 59 min: cancelled, the test ended", -1))
        .as(sandbox.journal().toString())
        .hasSize(cancelled + 1);
  }

  @Test
  void of_a_timer_is_cancelled() {
    TimerTask far = reminder();
    timer.schedule(far, TimeUnit.HOURS.toMillis(1));
    timer.schedule(reminder(), 20);
    assertEndsAtOnce(1);
    assertThat(ran).as("what was due before the deadline").hasValue(1);
    assertThat(far.cancel()).as("it could still run").isFalse();
  }

  @Test
  void of_a_scheduler_is_cancelled() {
    ScheduledFuture<?> one = scheduler.schedule(ran::incrementAndGet, 1, TimeUnit.HOURS);
    ScheduledFuture<?> other = scheduler.schedule(() -> {}, 1, TimeUnit.HOURS);
    assertEndsAtOnce(2);
    assertThat(one.isCancelled()).isTrue();
    assertThat(other.isCancelled()).isTrue();
    assertThat(ran).hasValue(0);
  }

  @Test
  void of_a_delayed_executor_is_cancelled() {
    inAnHour().execute(ran::incrementAndGet);
    CompletableFuture<Integer> future =
        CompletableFuture.supplyAsync(ran::incrementAndGet, inAnHour());
    assertEndsAtOnce(2);
    assertThat(future.isDone()).isFalse();
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_25)
  void of_a_fork_join_pool_is_cancelled() throws Exception {
    ScheduledFuture<?> far =
        (ScheduledFuture<?>)
            forkJoin
                .getClass()
                .getMethod("schedule", Runnable.class, long.class, TimeUnit.class)
                .invoke(forkJoin, (Runnable) ran::incrementAndGet, 1, TimeUnit.HOURS);
    assertEndsAtOnce(1);
    assertThat(far.isCancelled()).isTrue();
  }

  @Test
  void of_a_neighbour_stays_planned_for_as_long_as_that_runs() {
    Sandbox neighbour = openNext();
    scheduler.schedule(ran::incrementAndGet, 1, TimeUnit.HOURS);
    try (Scope scope = neighbour.test().bind()) {
      scheduler.schedule(ran::incrementAndGet, 1, TimeUnit.HOURS);
      timer.schedule(reminder(), TimeUnit.HOURS.toMillis(1));
    }
    assertEndsAtOnce(1);
    assertThat(CountedWork.of(neighbour)).isEqualTo(2);
    run.end(neighbour, null);
    assertThat(CountedWork.of(neighbour)).isZero();
    assertThat(ran).hasValue(0);
  }
}
