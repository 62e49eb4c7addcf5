package io.sandpiper;

import java.time.Duration;
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
  private long changes;

  /** Changes something and wakes all who wait. */
  void update(Runnable change) {
    lock.lock();
    try {
      change.run();
      changes++;
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

  /** A number that grows with each change. */
  long changes() {
    return read(() -> changes);
  }

  /** Waits until there was a change since {@code seen} was read, at most so many nanoseconds. */
  void awaitChange(long seen, long nanos) throws InterruptedException {
    lock.lock();
    try {
      while (changes == seen && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
    } finally {
      lock.unlock();
    }
  }
}
