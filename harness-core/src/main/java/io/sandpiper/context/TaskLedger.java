package io.sandpiper.context;

import org.jspecify.annotations.Nullable;

/**
 * Whoever is told of tasks when they are submitted, on the thread that submits them.
 *
 * <p>Implementations are safe for use by several threads.
 */
public interface TaskLedger {

  /**
   * Takes note of a task that will run once, or never.
   *
   * @return the unit of work that the task is, to be finished in either case; null where it is
   *     nobody's and runs as it is
   */
  @Nullable UnitOfWork begin(Object task);

  /**
   * Takes note of a task that will run again and again.
   *
   * @return what makes a unit of work of each run; null where the task is nobody's and runs as it
   *     is
   */
  @Nullable Repetition repeat(Object task);
}
