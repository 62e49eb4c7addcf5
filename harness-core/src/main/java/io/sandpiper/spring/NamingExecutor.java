package io.sandpiper.spring;

import io.sandpiper.context.TaskLedger;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.springframework.core.task.AsyncTaskExecutor;

/** An executor for tasks of one name. */
record NamingExecutor(AsyncTaskExecutor executor, String name) implements AsyncTaskExecutor {

  private record NamedRunnable(Runnable task, String name) implements Runnable, TaskLedger.Named {
    @Override
    public void run() {
      task.run();
    }
  }

  private record NamedCallable<T extends @Nullable Object>(Callable<T> task, String name)
      implements Callable<T>, TaskLedger.Named {
    @Override
    public T call() throws Exception {
      return task.call();
    }
  }

  @Override
  public void execute(Runnable task) {
    executor.execute(new NamedRunnable(task, name));
  }

  @Override
  public Future<?> submit(Runnable task) {
    return executor.submit(new NamedRunnable(task, name));
  }

  @Override
  public <T extends @Nullable Object> Future<T> submit(Callable<T> task) {
    return executor.submit(new NamedCallable<>(task, name));
  }

  @Override
  public CompletableFuture<Void> submitCompletable(Runnable task) {
    return executor.submitCompletable((Runnable) new NamedRunnable(task, name));
  }

  @Override
  public <T extends @Nullable Object> CompletableFuture<T> submitCompletable(Callable<T> task) {
    return executor.submitCompletable(new NamedCallable<>(task, name));
  }
}
