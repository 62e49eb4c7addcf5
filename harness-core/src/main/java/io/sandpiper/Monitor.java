package io.sandpiper;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The lock over everything that one sandbox knows, and the signal that something has changed.
 *
 * <p>Waits are timed waits on a condition. An untimed one, like {@code CompletableFuture.get},
 * makes a ForkJoinPool compensate and JUnit run more tests at once than it was asked to.
 */
final class Monitor {

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final List<Watch> watches = new ArrayList<>();

  /** Changes something and wakes all who wait. */
  void update(Runnable change) {
    lock.lock();
    try {
      change.run();
      watches.forEach(Watch::changed);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  <T extends @Nullable Object> T read(Supplier<T> reading) {
    lock.lock();
    try {
      return reading.get();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until a probe gives a value; the probe runs under the lock, first at once and then after
   * each change.
   *
   * @return the value, or null where the time is up
   */
  <T> @Nullable T await(Duration timeout, Supplier<@Nullable T> probe) throws InterruptedException {
    long nanos = timeout.toNanos();
    lock.lock();
    try {
      while (true) {
        T value = probe.get();
        if (value != null || nanos <= 0) {
          return value;
        }
        nanos = changed.awaitNanos(nanos);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Begins to watch, in the current thread, for what other threads change. */
  Watch watch() {
    Watch watch = new Watch();
    update(() -> watches.add(watch));
    return watch;
  }

  /**
   * Waits for changes by other threads than its own: what an assertion does itself, such as a
   * query, is no reason to repeat it at once. Used by one thread.
   */
  final class Watch implements AutoCloseable {

    private final Thread thread = Thread.currentThread();
    // Guarded by the lock.
    private long byOthers;
    private long seen;

    private void changed() {
      if (Thread.currentThread() != thread) {
        byOthers++;
      }
    }

    /** Takes what has changed so far as seen. */
    void look() {
      lock.lock();
      try {
        seen = byOthers;
      } finally {
        lock.unlock();
      }
    }

    /** Waits until something has changed since the last look, at most so many nanoseconds. */
    void await(long nanos) throws InterruptedException {
      lock.lock();
      try {
        while (byOthers == seen && nanos > 0) {
          nanos = changed.awaitNanos(nanos);
        }
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void close() {
      update(() -> watches.remove(this));
    }
  }
}
