package io.sandpiper.context;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The tasks that an executor has been given and has not begun.
 *
 * <p>What {@code shutdownNow} returns does not tell: some executors wrap tasks, and a ForkJoinPool
 * returns none.
 */
final class Waiting {

  private final Set<ScopedTask> tasks = ConcurrentHashMap.newKeySet();

  void add(ScopedTask task) {
    tasks.add(task);
  }

  /** It has begun, or never will. */
  void remove(ScopedTask task) {
    tasks.remove(task);
  }

  Iterable<ScopedTask> tasks() {
    return tasks;
  }
}
