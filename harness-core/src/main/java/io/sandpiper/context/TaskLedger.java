package io.sandpiper.context;

import java.util.concurrent.Executor;
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

  /**
   * What is to run the tasks that the current thread submits, instead of whatever was asked to.
   *
   * @return an executor that runs a task in its caller and throws nothing that the task throws;
   *     null where tasks run where they were submitted to
   */
  @Nullable Executor inline();
}
