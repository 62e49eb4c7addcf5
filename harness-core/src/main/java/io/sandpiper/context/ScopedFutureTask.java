package io.sandpiper.context;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A future whose work ends when its task has returned, or at once where it is cancelled before it
 * began.
 */
final class ScopedFutureTask<V extends @Nullable Object> extends FutureTask<V>
    implements ScopedTask {

  private final UnitOfWork work;
  private final Waiting waiting;
  private volatile boolean begun;
  private volatile @Nullable Future<?> timer;

  ScopedFutureTask(Callable<V> task, UnitOfWork work, Waiting waiting) {
    super(task);
    this.work = work;
    this.waiting = waiting;
    waiting.add(this);
  }

  /**
   * Says what will run it, and when, so that the two are cancelled together.
   *
   * @param nanos how long after now
   */
  void runBy(Future<?> timer, long nanos) {
    this.timer = timer;
    if (isCancelled()) {
      timer.cancel(false);
    }
    work.dueIn(nanos, () -> cancel(false));
  }

  boolean timerIsCancelled() {
    Future<?> timer = this.timer;
    return timer != null && timer.isCancelled();
  }

  @Override
  public void run() {
    begun = true;
    waiting.remove(this);
    try (Scope scope = work.bind()) {
      super.run();
    } finally {
      work.finish(failure());
    }
  }

  @Override
  protected void done() {
    // A task cancelled while it runs ends in run(), when its thread is through with it.
    if (!begun) {
      abandon();
    }
    Future<?> timer = this.timer;
    if (timer != null && isCancelled()) {
      timer.cancel(false);
    }
  }

  @Override
  public void abandon() {
    waiting.remove(this);
    work.finish(null);
  }

  @Override
  public V get() throws InterruptedException, ExecutionException {
    try {
      return super.get();
    } catch (ExecutionException failed) {
      work.failureSeen();
      throw failed;
    }
  }

  @Override
  public V get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    try {
      return super.get(timeout, unit);
    } catch (ExecutionException failed) {
      work.failureSeen();
      throw failed;
    }
  }

  private @Nullable Throwable failure() {
    if (!isDone() || isCancelled()) {
      return null;
    }
    try {
      super.get();
      return null;
    } catch (ExecutionException failed) {
      return failed.getCause();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      return null;
    }
  }
}
