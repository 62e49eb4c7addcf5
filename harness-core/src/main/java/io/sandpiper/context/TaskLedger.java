package io.sandpiper.context;

import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * Whoever is told of tasks when they are submitted, on the thread that submits them.
 *
 * <p>Implementations are safe for use by several threads.
 */
public interface TaskLedger {

  /** A task that is called something else than its class. */
  interface Named {

    /** What it is called, where it is told of. */
    String name();
  }

  /**
   * What an object is called: its own name where it has one, or that of its class, as far as it has
   * one: "Foo", "lambda of Foo".
   */
  static String nameOf(Object task) {
    if (task instanceof Named named) {
      return named.name();
    }
    String type = task.getClass().getName();
    int lambda = type.indexOf("$$Lambda");
    String named = lambda < 0 ? type : type.substring(0, lambda);
    String simple = named.substring(named.lastIndexOf('.') + 1);
    return lambda < 0 ? simple : "lambda of " + simple;
  }

  /**
   * Takes note of a task that will run once, or never.
   *
   * @param task is asked for nothing but {@linkplain #nameOf its name}
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
