package io.sandpiper;

import io.sandpiper.context.Scope;
import java.lang.Thread.State;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds inline tasks that wait for what can come only after they have returned: they wait at one
 * place for as long as the end of their test would wait for them, while nothing else of their test
 * is in progress.
 */
final class InlineWatch implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(InlineWatch.class);

  /** How often a task is looked at within the time that it may wait. */
  private static final int LOOKS = 8;

  private final ScheduledThreadPoolExecutor timer;

  InlineWatch() {
    timer = new ScheduledThreadPoolExecutor(1, InlineWatch::thread);
    timer.setRemoveOnCancelPolicy(true);
  }

  private static Thread thread(Runnable task) {
    Thread thread = new Thread(task, "sandpiper-inline");
    thread.setDaemon(true);
    return thread;
  }

  /** Watches a task that the current thread does, until the future is cancelled. */
  Future<?> watch(Work task) {
    Duration limit = task.sandbox().drain();
    long interval = Math.max(1, limit.toNanos() / LOOKS);
    // It is nobody's work, whoever else carries scopes to the threads of timers.
    try (Scope scope = Scope.open(null, "InlineWatch")) {
      return timer.scheduleWithFixedDelay(
          new Look(task, Thread.currentThread(), limit), interval, interval, TimeUnit.NANOSECONDS);
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }

  /** One task. Used by the timer's thread only. */
  private static final class Look implements Runnable {

    private final Work task;
    private final Thread thread;
    private final Duration limit;
    private StackTraceElement[] place = new StackTraceElement[0];
    private @Nullable Long since;
    private boolean told;

    Look(Work task, Thread thread, Duration limit) {
      this.task = task;
      this.thread = thread;
      this.limit = limit;
    }

    @Override
    public void run() {
      StackTraceElement[] now = thread.getStackTrace();
      if (told || !waits() || task.sandbox().isBusyBeside(task)) {
        since = null;
      } else if (since == null || !Arrays.equals(place, now)) {
        since = System.nanoTime();
        place = now;
      } else if (System.nanoTime() - since >= limit.toNanos()) {
        told = true;
        tell();
      }
    }

    private boolean waits() {
      State state = thread.getState();
      return state == State.WAITING || state == State.TIMED_WAITING || state == State.BLOCKED;
    }

    private void tell() {
      StringBuilder text = new StringBuilder();
      text.append(
          ("%s waits for what can come only after it has returned: it has waited for %s, and"
                  + " nothing else of the test is in progress. It runs in the thread that submitted"
                  + " it, as @Sandboxed(background = INLINE) asks. Use background = CONCURRENT for"
                  + " this test. It is interrupted now, and waits%n")
              .formatted(task.origin(), Durations.text(limit)));
      text.append(Stacks.text(place));
      IllegalStateException deadlock = new IllegalStateException(text.toString());
      LOG.error("In {}: {}", task.sandbox(), text);
      task.sandbox().recordFailure(task.name(), deadlock);
      task.interrupt();
    }
  }
}
