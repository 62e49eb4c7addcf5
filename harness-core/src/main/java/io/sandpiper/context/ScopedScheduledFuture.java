package io.sandpiper.context;

import java.util.concurrent.Delayed;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A delayed task as whoever submitted it sees it.
 *
 * @param task what it does
 * @param timer when it is done
 */
record ScopedScheduledFuture<V extends @Nullable Object>(ScopedFutureTask<V> task, Delayed timer)
    implements ScheduledFuture<V> {

  @Override
  public boolean cancel(boolean mayInterrupt) {
    return task.cancel(mayInterrupt);
  }

  @Override
  public V get() throws InterruptedException, ExecutionException {
    return task.get();
  }

  @Override
  public V get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    return task.get(timeout, unit);
  }

  @Override
  public boolean isCancelled() {
    return task.isCancelled();
  }

  @Override
  public boolean isDone() {
    return task.isDone();
  }

  @Override
  public long getDelay(TimeUnit unit) {
    return timer.getDelay(unit);
  }

  @Override
  public int compareTo(Delayed other) {
    return timer.compareTo(other);
  }
}
