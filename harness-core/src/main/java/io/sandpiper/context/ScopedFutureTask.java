package io.sandpiper.context;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * A future whose work ends when its task has returned, or at once where it is cancelled before it
 * began.
 */
final class ScopedFutureTask<V extends @Nullable Object> extends FutureTask<V>
    implements ScopedTask {

  private final UnitOfWork work;
  private volatile boolean begun;

  ScopedFutureTask(Callable<V> task, UnitOfWork work) {
    super(task);
    this.work = work;
  }

  @Override
  public void run() {
    begun = true;
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
      work.finish(null);
    }
  }

  @Override
  public void abandon() {
    work.finish(null);
  }

  private @Nullable Throwable failure() {
    if (!isDone() || isCancelled()) {
      return null;
    }
    try {
      get();
      return null;
    } catch (ExecutionException failed) {
      return failed.getCause();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      return null;
    }
  }
}
