package io.sandpiper.context;

import java.util.concurrent.Delayed;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What takes the place of a timer for a periodic task that runs once, in its submitter: like that
 * of any other it is done when the task has failed or was cancelled.
 */
final class NoTimer extends FutureTask<@Nullable Object>
    implements ScheduledFuture<@Nullable Object> {

  NoTimer(Runnable task) {
    super(task, null);
  }

  /** One whose time has come. */
  static NoTimer begun() {
    return new NoTimer(() -> {});
  }

  void runOnce() {
    runAndReset();
  }

  @Override
  public long getDelay(TimeUnit unit) {
    return 0;
  }

  @Override
  public int compareTo(Delayed other) {
    return Long.compare(0, other.getDelay(TimeUnit.NANOSECONDS));
  }
}
