package io.sandpiper.context;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.RunnableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** An executor service that tells a ledger of every task, also of those that never run. */
class ScopedExecutorService extends AbstractExecutorService {

  private final ExecutorService delegate;
  private final ScopedExecutor executor;
  private final boolean tellsOfFutures;

  ScopedExecutorService(ExecutorService delegate, TaskLedger ledger) {
    this(delegate, new ScopedExecutor(delegate, ledger, new Waiting()), true);
  }

  private ScopedExecutorService(
      ExecutorService delegate, ScopedExecutor executor, boolean tellsOfFutures) {
    this.delegate = delegate;
    this.executor = executor;
    this.tellsOfFutures = tellsOfFutures;
  }

  @Override
  public void execute(Runnable task) {
    executor.execute(task);
  }

  @Override
  protected <T extends @Nullable Object> RunnableFuture<T> newTaskFor(Callable<T> task) {
    UnitOfWork work = tellsOfFutures ? ledger().begin(task) : null;
    return work == null ? super.newTaskFor(task) : new ScopedFutureTask<>(task, work, waiting());
  }

  @Override
  protected <T extends @Nullable Object> RunnableFuture<T> newTaskFor(Runnable task, T value) {
    UnitOfWork work = tellsOfFutures ? ledger().begin(task) : null;
    return work == null
        ? super.newTaskFor(task, value)
        : new ScopedFutureTask<>(
            () -> {
              task.run();
              return value;
            },
            work,
            waiting());
  }

  @Override
  public <T extends @Nullable Object> T invokeAny(Collection<? extends Callable<T>> tasks)
      throws InterruptedException, ExecutionException {
    return withoutFutures().invokeAnyOf(tasks);
  }

  @Override
  public <T extends @Nullable Object> T invokeAny(
      Collection<? extends Callable<T>> tasks, long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    return withoutFutures().invokeAnyOf(tasks, timeout, unit);
  }

  /**
   * The same, except that the ledger is told of tasks when they are executed and not before:
   * invokeAny makes a future, executes another one around it, and forgets the first where the
   * second is rejected.
   */
  private ScopedExecutorService withoutFutures() {
    return new ScopedExecutorService(delegate, executor, false);
  }

  private <T extends @Nullable Object> T invokeAnyOf(Collection<? extends Callable<T>> tasks)
      throws InterruptedException, ExecutionException {
    return super.invokeAny(tasks);
  }

  private <T extends @Nullable Object> T invokeAnyOf(
      Collection<? extends Callable<T>> tasks, long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    return super.invokeAny(tasks, timeout, unit);
  }

  @Override
  public List<Runnable> shutdownNow() {
    List<Runnable> never = delegate.shutdownNow();
    for (Runnable task : never) {
      if (task instanceof ScopedTask scoped) {
        scoped.abandon();
      }
    }
    // An adapter may not tell that it was shut down, but the common pool never is.
    if (delegate != ForkJoinPool.commonPool()) {
      waiting().tasks().forEach(this::drop);
    }
    return never;
  }

  private void drop(ScopedTask task) {
    task.abandon();
    if (delegate instanceof ForkJoinPool && task instanceof Future<?> future) {
      // It cancels what it does not run, but knows of no future of ours.
      future.cancel(false);
    }
  }

  @Override
  public void shutdown() {
    delegate.shutdown();
  }

  @Override
  public boolean isShutdown() {
    return delegate.isShutdown();
  }

  @Override
  public boolean isTerminated() {
    return delegate.isTerminated();
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
    return delegate.awaitTermination(timeout, unit);
  }

  final TaskLedger ledger() {
    return executor.ledger();
  }

  final @Nullable Executor inline() {
    return executor.inline();
  }

  final Waiting waiting() {
    return executor.waiting();
  }
}
