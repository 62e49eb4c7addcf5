package io.sandpiper.spring;

import io.sandpiper.context.TaskLedger;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** A future that an executor completes, called by the task that does so. */
final class NamedFuture<T extends @Nullable Object> extends CompletableFuture<T>
    implements TaskLedger.Named {

  private final String name;

  private NamedFuture(String name) {
    this.name = name;
  }

  /** As {@link CompletableFuture#supplyAsync}, of a task that may throw anything. */
  static <T extends @Nullable Object> CompletableFuture<T> call(
      Callable<T> task, Executor executor) {
    NamedFuture<T> future = new NamedFuture<>(TaskLedger.nameOf(task));
    executor.execute(new Completing<>(task, future));
    return future;
  }

  @Override
  public String name() {
    return name;
  }

  private record Completing<T extends @Nullable Object>(Callable<T> task, NamedFuture<T> future)
      implements Runnable, TaskLedger.Named, CompletableFuture.AsynchronousCompletionTask {

    @Override
    public void run() {
      if (future.isDone()) {
        return;
      }
      try {
        future.complete(task.call());
      } catch (CompletionException failed) {
        future.completeExceptionally(failed);
      } catch (Throwable failure) {
        future.completeExceptionally(new CompletionException(failure));
      }
    }

    @Override
    public String name() {
      return future.name();
    }
  }
}
