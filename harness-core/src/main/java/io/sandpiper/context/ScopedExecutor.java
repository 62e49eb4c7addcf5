package io.sandpiper.context;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;

/** An executor that tells a ledger of every task, also of those that it rejects. */
record ScopedExecutor(Executor delegate, TaskLedger ledger, Waiting waiting) implements Executor {

  @Override
  public void execute(Runnable task) {
    Runnable scoped = scoped(task);
    try {
      where(scoped).execute(scoped);
    } catch (RuntimeException | Error rejected) {
      if (scoped instanceof ScopedTask known) {
        known.abandon();
      }
      throw rejected;
    }
  }

  private Executor where(Runnable task) {
    Executor inline = task instanceof ScopedTask ? inline() : null;
    return inline == null ? delegate : inline;
  }

  /** What runs tasks in their submitter; null where the delegate runs them, or rejects them. */
  @Nullable Executor inline() {
    return delegate instanceof ExecutorService service && service.isShutdown()
        ? null
        : ledger.inline();
  }

  /** The same task where a ledger knows it already, or where it is nobody's. */
  private Runnable scoped(Runnable task) {
    UnitOfWork work = task instanceof ScopedTask ? null : ledger.begin(task);
    return work == null ? task : new ScopedRunnable(task, work, waiting);
  }
}
