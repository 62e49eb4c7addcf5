package io.sandpiper.context;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledExecutorService;
import org.jspecify.annotations.Nullable;

/** Executors whose tasks run inside the scope of whoever submitted them. */
public final class ScopedExecutors {

  private ScopedExecutors() {}

  /** Wraps an executor; one that is a service, or a scheduled one, stays that. */
  public static Executor wrap(Executor executor, TaskLedger ledger) {
    return executor instanceof ExecutorService service
        ? wrap(service, ledger)
        : new ScopedExecutor(executor, ledger, new Waiting());
  }

  /** Wraps an executor service; shutting down the wrapper shuts down the service. */
  public static ExecutorService wrap(ExecutorService service, TaskLedger ledger) {
    return service instanceof ScheduledExecutorService scheduled
        ? wrap(scheduled, ledger)
        : new ScopedExecutorService(service, ledger);
  }

  /** As {@link #wrap(ExecutorService, TaskLedger)}, with delayed and periodic tasks. */
  public static ScheduledExecutorService wrap(ScheduledExecutorService service, TaskLedger ledger) {
    return new ScopedScheduledExecutorService(service, ledger);
  }

  /** Whether a task is known to a ledger already, so that nobody else is to tell one of it. */
  public static boolean isScoped(Runnable task) {
    return task instanceof ScopedTask;
  }

  /**
   * Wraps a future: the functions that are added to what is returned, and to all that follows from
   * it, run in the scope of whoever adds them, and the ledger is told of them.
   *
   * @return the future as it is where it is nobody's
   */
  public static <T extends @Nullable Object> CompletableFuture<T> wrap(
      CompletableFuture<T> future, TaskLedger ledger) {
    return ScopedFuture.of(future, ledger);
  }

  /**
   * Wraps a task.
   *
   * @return the task as it is where it is nobody's
   */
  public static Runnable wrap(Runnable task, TaskLedger ledger) {
    UnitOfWork work = ledger.begin(task);
    return work == null ? task : new ScopedRunnable(task, work, new Waiting());
  }

  /** As {@link #wrap(Runnable, TaskLedger)}, with a result. */
  public static <T extends @Nullable Object> Callable<T> wrap(Callable<T> task, TaskLedger ledger) {
    UnitOfWork work = ledger.begin(task);
    if (work == null) {
      return task;
    }
    return () -> {
      Throwable failure = null;
      try (Scope scope = work.bind()) {
        return task.call();
      } catch (Throwable thrown) {
        failure = thrown;
        throw thrown;
      } finally {
        work.finish(failure);
      }
    };
  }

  /** Whether an executor is one that was wrapped here. */
  public static boolean isScoped(Executor executor) {
    return executor instanceof ScopedExecutor || executor instanceof ScopedExecutorService;
  }
}
