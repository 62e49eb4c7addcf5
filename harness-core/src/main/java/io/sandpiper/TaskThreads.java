package io.sandpiper;

import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The threads that do one task now.
 *
 * <p>An interrupt reaches a thread only while it does the task, and what is left of it then does
 * not go back to the pool with the thread.
 */
final class TaskThreads implements Doer {

  // Guarded by this.
  private final List<Thread> bound = new ArrayList<>(1);
  private final Set<Thread> interrupted = new HashSet<>(0);

  /** Binds the current thread to the task. */
  Scope bind(Work work, Runnable closed) {
    Thread thread = Thread.currentThread();
    enter(thread);
    return Scope.open(
        work,
        work.name(),
        () -> {
          leave(thread);
          closed.run();
        });
  }

  private synchronized void enter(Thread thread) {
    bound.add(thread);
  }

  private synchronized void leave(Thread thread) {
    bound.remove(thread);
    if (!bound.contains(thread) && interrupted.remove(thread)) {
      Thread.interrupted();
    }
  }

  @Override
  public synchronized List<Thread> threads() {
    return List.copyOf(bound);
  }

  @Override
  public synchronized boolean stop() {
    for (Thread thread : bound) {
      if (thread != Thread.currentThread()) {
        interrupted.add(thread);
        thread.interrupt();
      }
    }
    return !bound.isEmpty();
  }

  @Override
  public Duration grace() {
    return Duration.ofMillis(500);
  }

  @Override
  public void kill() {
    // Nothing can: what it still does is fenced off.
  }
}
