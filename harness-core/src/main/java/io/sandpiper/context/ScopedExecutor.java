package io.sandpiper.context;

import java.util.concurrent.Executor;

/** An executor that tells a ledger of every task, also of those that it rejects. */
record ScopedExecutor(Executor delegate, TaskLedger ledger, Waiting waiting) implements Executor {

  @Override
  public void execute(Runnable task) {
    Runnable scoped = scoped(task);
    try {
      delegate.execute(scoped);
    } catch (RuntimeException | Error rejected) {
      if (scoped instanceof ScopedTask known) {
        known.abandon();
      }
      throw rejected;
    }
  }

  /** The same task where a ledger knows it already, or where it is nobody's. */
  private Runnable scoped(Runnable task) {
    UnitOfWork work = task instanceof ScopedTask ? null : ledger.begin(task);
    return work == null ? task : new ScopedRunnable(task, work, waiting);
  }
}
