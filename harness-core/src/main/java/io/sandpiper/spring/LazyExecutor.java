package io.sandpiper.spring;

import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.core.task.support.TaskExecutorAdapter;
import org.springframework.util.function.SingletonSupplier;

/** The default executor of asynchronous methods, which Spring looks for at the first call. */
final class LazyExecutor implements AsyncTaskExecutor {

  private final Supplier<AsyncTaskExecutor> executor;

  LazyExecutor(Supplier<?> original, ExecutorProxies proxies) {
    executor = SingletonSupplier.of(() -> proxies.scoped(async((Executor) original.get())));
  }

  private static AsyncTaskExecutor async(Executor executor) {
    return executor instanceof AsyncTaskExecutor async ? async : new TaskExecutorAdapter(executor);
  }

  private AsyncTaskExecutor executor() {
    return Objects.requireNonNull(executor.get());
  }

  @Override
  public void execute(Runnable task) {
    executor().execute(task);
  }

  @Override
  public Future<?> submit(Runnable task) {
    return executor().submit(task);
  }

  @Override
  public <T extends @Nullable Object> Future<T> submit(Callable<T> task) {
    return executor().submit(task);
  }

  @Override
  public CompletableFuture<Void> submitCompletable(Runnable task) {
    return executor().submitCompletable(task);
  }

  @Override
  public <T extends @Nullable Object> CompletableFuture<T> submitCompletable(Callable<T> task) {
    return executor().submitCompletable(task);
  }
}
