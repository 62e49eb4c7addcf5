package io.sandpiper.agent;

import org.jspecify.annotations.Nullable;

/** What a queue is asked for instead of a task, to find it also where it was submitted again. */
final class Sought implements Runnable {

  private final Runnable task;
  private @Nullable Object found;

  Sought(Runnable task) {
    this.task = task;
  }

  /** Queues compare what they are asked for with what they hold. */
  @Override
  public boolean equals(@Nullable Object held) {
    Object actual = held instanceof SubmittedAgain again ? again.task() : held;
    boolean same = task.equals(actual);
    found = same ? held : found;
    return same;
  }

  @Override
  public int hashCode() {
    return task.hashCode();
  }

  @Override
  public void run() {
    task.run();
  }

  /** What was held. */
  @Nullable Object found() {
    return found;
  }
}
