package io.sandpiper.context;

import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A task, call or request that a thread can be bound to while it does it.
 *
 * <p>Implementations are safe for use by several threads.
 */
public interface UnitOfWork {

  /** Binds the current thread, which does this work now, until the scope is closed. */
  Scope bind();

  /**
   * Says that the work has ended; only the first call counts.
   *
   * @param failure why it failed, or null where it did not
   */
  void finish(@Nullable Throwable failure);

  /**
   * Says that it was planned for later, so that nobody need wait for it who waits less long.
   *
   * @param nanos how long after now it is to begin
   * @param cancel keeps it from beginning, and returns whether it will not; called once at most, by
   *     any thread
   */
  default void dueIn(long nanos, BooleanSupplier cancel) {}

  /** Says that its failure was handed to somebody who asked for the result, before or after it. */
  void failureSeen();
}
