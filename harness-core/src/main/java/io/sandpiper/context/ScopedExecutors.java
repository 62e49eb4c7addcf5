package io.sandpiper.context;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Executors whose tasks run inside the scope of whoever submitted them. */
public final class ScopedExecutors {

  private ScopedExecutors() {}

  /**
   * Wraps an executor.
   *
   * @param ledger called with each task on the submitting thread; returns the unit of work that the
   *     task is, or null where the task is nobody's and runs as it is
   */
  public static Executor wrap(Executor executor, Function<Object, @Nullable UnitOfWork> ledger) {
    return executor instanceof ExecutorService service
        ? wrap(service, ledger)
        : task -> execute(executor, task, ledger);
  }

  /** Wraps an executor service; shutting down the wrapper shuts down the service. */
  public static ExecutorService wrap(
      ExecutorService service, Function<Object, @Nullable UnitOfWork> ledger) {
    return new ScopedExecutorService(service, ledger);
  }

  static void execute(
      Executor executor, Runnable task, Function<Object, @Nullable UnitOfWork> ledger) {
    if (task instanceof ScopedTask) {
      executor.execute(task);
      return;
    }
    UnitOfWork work = ledger.apply(task);
    Runnable scoped = work == null ? task : new ScopedRunnable(task, work);
    try {
      executor.execute(scoped);
    } catch (RuntimeException | Error rejected) {
      if (work != null) {
        work.finish(null);
      }
      throw rejected;
    }
  }

  /** Whether a task is known to a ledger already, so that nobody else is to tell one of it. */
  public static boolean isScoped(Runnable task) {
    return task instanceof ScopedTask;
  }
}
