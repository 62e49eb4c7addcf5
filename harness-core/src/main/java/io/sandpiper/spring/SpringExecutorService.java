package io.sandpiper.spring;

import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;

/**
 * An executor or scheduler of Spring, as the JDK names what it does, for its proxy alone. Its life
 * is not theirs: to shut it down does nothing.
 */
final class SpringExecutorService extends AbstractExecutorService
    implements ScheduledExecutorService {

  private final Object target;
  private final @Nullable Function<Runnable, ScheduledFuture<?>> repeating;

  /**
   * Makes one that runs tasks once.
   *
   * @param target an {@link Executor}, a {@link TaskScheduler}, or both
   */
  SpringExecutorService(Object target) {
    this(target, null);
  }

  private SpringExecutorService(
      Object target, @Nullable Function<Runnable, ScheduledFuture<?>> repeating) {
    this.target = target;
    this.repeating = repeating;
  }

  /** One that repeats tasks in a way that the JDK has no name for. */
  static SpringExecutorService repeating(Function<Runnable, ScheduledFuture<?>> repeating) {
    return new SpringExecutorService(repeating, repeating);
  }

  @Override
  public void execute(Runnable task) {
    if (!(target instanceof Executor executor)) {
      throw unsupported();
    }
    executor.execute(task);
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
    if (!(target instanceof TaskScheduler scheduler)) {
      throw unsupported();
    }
    Duration after = Duration.of(delay, unit.toChronoUnit());
    // It may have executors of its own that are beans, and is not to begin another task there.
    try (Scope nobodys = Scope.open(null, "a scheduler")) {
      return scheduler.schedule(task, scheduler.getClock().instant().plus(after));
    }
  }

  @Override
  public <V extends @Nullable Object> ScheduledFuture<V> schedule(
      Callable<V> task, long delay, TimeUnit unit) {
    throw unsupported();
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(
      Runnable task, long initialDelay, long period, TimeUnit unit) {
    if (repeating == null) {
      throw unsupported();
    }
    return repeating.apply(task);
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable task, long initialDelay, long delay, TimeUnit unit) {
    throw unsupported();
  }

  private UnsupportedOperationException unsupported() {
    return new UnsupportedOperationException(target + " has no such method.");
  }

  @Override
  public void shutdown() {}

  @Override
  public List<Runnable> shutdownNow() {
    return List.of();
  }

  @Override
  public boolean isShutdown() {
    if (target instanceof ThreadPoolTaskExecutor executor) {
      return executor.getThreadPoolExecutor().isShutdown();
    }
    if (target instanceof ThreadPoolTaskScheduler scheduler) {
      return scheduler.getScheduledExecutor().isShutdown();
    }
    return target instanceof SimpleAsyncTaskExecutor executor && !executor.isActive();
  }

  @Override
  public boolean isTerminated() {
    return isShutdown();
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) {
    return isShutdown();
  }
}
