package io.sandpiper.context;

import java.util.concurrent.Delayed;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** A task each of whose runs is a unit of work of its own; what it does is not run again later. */
final class PeriodicTask implements Runnable {

  private final Runnable task;
  private final Repetition repetition;
  private volatile @Nullable UnitOfWork last;

  PeriodicTask(Runnable task, Repetition repetition) {
    this.task = task;
    this.repetition = repetition;
  }

  @Override
  public void run() {
    UnitOfWork work = repetition.next();
    if (work == null) {
      return;
    }
    last = work;
    ScopedRunnable.run(task, work);
  }

  /** What whoever scheduled it gets. */
  ScheduledFuture<?> scheduled(ScheduledFuture<?> timer) {
    repetition.cancelWith(() -> timer.cancel(false));
    return new Handle(timer);
  }

  private void failureSeen() {
    UnitOfWork failed = last;
    if (failed != null) {
      failed.failureSeen();
    }
  }

  private final class Handle implements ScheduledFuture<@Nullable Object> {

    private final ScheduledFuture<?> timer;

    Handle(ScheduledFuture<?> timer) {
      this.timer = timer;
    }

    @Override
    public boolean cancel(boolean mayInterrupt) {
      repetition.cancelled();
      return timer.cancel(mayInterrupt);
    }

    @Override
    public @Nullable Object get() throws InterruptedException, ExecutionException {
      try {
        return timer.get();
      } catch (ExecutionException failed) {
        failureSeen();
        throw failed;
      }
    }

    @Override
    public @Nullable Object get(long timeout, TimeUnit unit)
        throws InterruptedException, ExecutionException, TimeoutException {
      try {
        return timer.get(timeout, unit);
      } catch (ExecutionException failed) {
        failureSeen();
        throw failed;
      }
    }

    @Override
    public boolean isCancelled() {
      return timer.isCancelled();
    }

    @Override
    public boolean isDone() {
      return timer.isDone();
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
}
