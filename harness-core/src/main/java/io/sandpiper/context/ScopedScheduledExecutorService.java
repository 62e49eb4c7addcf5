package io.sandpiper.context;

import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A scheduled executor service that tells a ledger of every task: of a delayed one until it has run
 * or never will, of a periodic one while it runs.
 */
final class ScopedScheduledExecutorService extends ScopedExecutorService
    implements ScheduledExecutorService {

  private final ScheduledExecutorService delegate;

  ScopedScheduledExecutorService(ScheduledExecutorService delegate, TaskLedger ledger) {
    super(delegate, ledger);
    this.delegate = delegate;
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
    UnitOfWork work = ledger().begin(task);
    return work == null
        ? delegate.schedule(task, delay, unit)
        : this.<@Nullable Object>schedule(
            new ScopedFutureTask<@Nullable Object>(
                () -> {
                  task.run();
                  return null;
                },
                work,
                waiting()),
            delay,
            unit);
  }

  @Override
  public <V extends @Nullable Object> ScheduledFuture<V> schedule(
      Callable<V> task, long delay, TimeUnit unit) {
    UnitOfWork work = ledger().begin(task);
    return work == null
        ? delegate.schedule(task, delay, unit)
        : schedule(new ScopedFutureTask<>(task, work, waiting()), delay, unit);
  }

  private <V extends @Nullable Object> ScheduledFuture<V> schedule(
      ScopedFutureTask<V> task, long delay, TimeUnit unit) {
    try {
      Executor inline = inline();
      if (inline != null) {
        inline.execute(task);
        return new ScopedScheduledFuture<>(task, NoTimer.begun());
      }
      ScheduledFuture<?> timer = delegate.schedule((Runnable) task, delay, unit);
      task.runBy(timer, unit.toNanos(delay));
      return new ScopedScheduledFuture<>(task, timer);
    } catch (RuntimeException | Error rejected) {
      task.abandon();
      throw rejected;
    }
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(
      Runnable task, long initialDelay, long period, TimeUnit unit) {
    return repeat(task, again -> delegate.scheduleAtFixedRate(again, initialDelay, period, unit));
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable task, long initialDelay, long delay, TimeUnit unit) {
    return repeat(task, again -> delegate.scheduleWithFixedDelay(again, initialDelay, delay, unit));
  }

  private ScheduledFuture<?> repeat(
      Runnable task, Function<Runnable, ScheduledFuture<?>> scheduler) {
    Repetition repetition = ledger().repeat(task);
    if (repetition == null) {
      return scheduler.apply(task);
    }
    PeriodicTask periodic = new PeriodicTask(task, repetition);
    Executor inline = inline();
    if (inline != null) {
      NoTimer once = new NoTimer(periodic);
      inline.execute(once::runOnce);
      return periodic.scheduled(once);
    }
    return periodic.scheduled(scheduler.apply(periodic));
  }

  @Override
  public void shutdown() {
    super.shutdown();
    for (ScopedTask task : waiting().tasks()) {
      // By its policy it may have cancelled what is delayed.
      if (task instanceof ScopedFutureTask<?> future && future.timerIsCancelled()) {
        task.abandon();
      }
    }
  }
}
