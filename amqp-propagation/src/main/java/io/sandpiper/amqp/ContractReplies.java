package io.sandpiper.amqp;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** The replies so far, and the signal that one came or that the worker ended. */
final class ContractReplies {

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  // Guarded by the lock.
  private final List<ContractReply> replies = new ArrayList<>();
  private long changes;

  void add(ContractReply reply) {
    update(() -> replies.add(reply));
  }

  /** Wakes whoever waits, so that it looks again. */
  void wake() {
    update(() -> {});
  }

  private void update(Runnable change) {
    lock.lock();
    try {
      change.run();
      changes++;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  List<ContractReply> soFar() {
    lock.lock();
    try {
      return List.copyOf(replies);
    } finally {
      lock.unlock();
    }
  }

  int count() {
    return soFar().size();
  }

  /** How often something has changed so far. */
  long changes() {
    lock.lock();
    try {
      return changes;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until there are more changes than so many, at most so many nanoseconds. */
  void await(long seen, long nanos) {
    lock.lock();
    try {
      while (changes == seen && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted while a worker's contract was checked", e);
    } finally {
      lock.unlock();
    }
  }
}
