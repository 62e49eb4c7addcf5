package io.sandpiper.spring;

import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import io.sandpiper.context.UnitOfWork;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;

/**
 * A task of a ForkJoinPool, whose callers are promised its own kind of future; what the task forks
 * is not carried.
 *
 * <p>That class lets nobody see whether somebody has asked for the result. So a failure that a
 * future holds is not counted as unseen.
 */
final class ScopedForkJoinTask extends ForkJoinTask<@Nullable Object> {

  private static final long serialVersionUID = 1;

  private final transient Callable<?> task;
  private final transient UnitOfWork work;
  private volatile boolean begun;
  private transient @Nullable Object result;

  private ScopedForkJoinTask(Callable<?> task, UnitOfWork work) {
    this.task = task;
    this.work = work;
  }

  /** What {@code call}, one of the methods that submit a task, returns. */
  static @Nullable Object submit(MethodInvocation call, ForkJoinPool pool) {
    @Nullable Object[] arguments = call.getArguments();
    Object task = Objects.requireNonNull(arguments[0]);
    // It is not null inside a scope, and nobody comes here without one.
    UnitOfWork work = Objects.requireNonNull(Sandbox.beginTask(task));
    ScopedForkJoinTask scoped =
        new ScopedForkJoinTask(callable(task, arguments.length > 1 ? arguments[1] : null), work);
    try {
      return switch (call.getMethod().getName()) {
        case "invoke" -> pool.invoke(scoped);
        case "execute" -> {
          pool.execute(scoped);
          yield null;
        }
        default -> pool.submit((ForkJoinTask<?>) scoped);
      };
    } catch (RuntimeException | Error rejected) {
      scoped.end();
      throw rejected;
    }
  }

  private static Callable<?> callable(Object task, @Nullable Object result) {
    if (task instanceof ForkJoinTask<?> forkJoin) {
      return forkJoin::invoke;
    }
    if (task instanceof Callable<?> callable) {
      return callable;
    }
    return () -> {
      ((Runnable) task).run();
      return result;
    };
  }

  @Override
  protected boolean exec() {
    begun = true;
    try (Scope scope = work.bind()) {
      result = task.call();
      return true;
    } catch (RuntimeException | Error unchecked) {
      throw unchecked;
    } catch (Exception checked) {
      throw new RuntimeException(checked);
    } finally {
      end();
    }
  }

  @Override
  public boolean cancel(boolean mayInterrupt) {
    boolean cancelled = super.cancel(mayInterrupt);
    if (cancelled && !begun) {
      end();
    }
    return cancelled;
  }

  private void end() {
    work.finish(null);
  }

  @Override
  public @Nullable Object getRawResult() {
    return result;
  }

  @Override
  protected void setRawResult(@Nullable Object value) {
    result = value;
  }
}
