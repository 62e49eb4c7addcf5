package io.sandpiper.jdbc;

import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Whose turn it is on the connection of one sandbox.
 *
 * <p>Threads queue fairly. A thread that holds a lease and wants one for another handle nests, last
 * in first out; it would wait for itself otherwise.
 */
final class Leases {

  private static final Duration BUDGET = Duration.ofSeconds(30);

  private final Sandbox sandbox;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Lease> held = new ArrayDeque<>();
  private final Deque<Waiter> waiting = new ArrayDeque<>();
  private boolean closed;

  /** A thread in the queue; the name is that of its work. */
  private record Waiter(Thread thread, String name) {}

  Leases(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /**
   * Waits for the turn of a handle.
   *
   * @param current the lease of the handle's open transaction, or null
   * @param transaction whether a new lease lasts for a transaction
   */
  Lease acquire(ConnectionHandle handle, @Nullable Lease current, boolean transaction, String use)
      throws SandboxException {
    lock.lock();
    try {
      Lease lease = tryAcquire(handle, current, transaction, null, use);
      if (lease != null) {
        return lease;
      }
    } finally {
      lock.unlock();
    }
    return enqueue(handle, current, transaction, use);
  }

  private Lease enqueue(
      ConnectionHandle handle, @Nullable Lease current, boolean transaction, String use)
      throws SandboxException {
    Work work = Work.current();
    Waiter waiter = new Waiter(Thread.currentThread(), work == null ? use : work.toString());
    lock.lock();
    try {
      waiting.addLast(waiter);
    } finally {
      lock.unlock();
    }
    // A test that waits in an assertion while it holds the lease has to look at the queue.
    sandbox.signal();
    lock.lock();
    try {
      long nanos = BUDGET.toNanos();
      while (true) {
        Lease lease = tryAcquire(handle, current, transaction, waiter, use);
        if (lease != null) {
          return lease;
        }
        if (nanos <= 0) {
          throw new SandboxException(tooLong(use), SandboxException.WAIT);
        }
        nanos = changed.awaitNanos(nanos);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new SandboxException(
          "Interrupted while waiting for the connection of %s: %s".formatted(sandbox, use),
          SandboxException.WAIT,
          interrupted);
    } finally {
      waiting.remove(waiter);
      changed.signalAll();
      lock.unlock();
    }
  }

  private @Nullable Lease tryAcquire(
      ConnectionHandle handle,
      @Nullable Lease current,
      boolean transaction,
      @Nullable Waiter waiter,
      String use)
      throws SandboxException {
    if (closed) {
      throw SandboxEndedException.of(sandbox, use);
    }
    Lease top = held.peekFirst();
    if (current != null && current == top) {
      current.usedBy(Thread.currentThread());
      return current;
    }
    boolean mine = top != null && top.thread() == Thread.currentThread();
    if (current != null) {
      if (mine) {
        throw interleaved(use);
      }
      return null;
    }
    boolean turn = top == null && waiting.peekFirst() == waiter;
    if (!mine && !turn) {
      return null;
    }
    Work work = Work.current();
    Lease lease =
        new Lease(
            handle,
            transaction,
            held.size(),
            work != null && work.sandbox() == sandbox ? work : null);
    held.addFirst(lease);
    return lease;
  }

  void release(Lease lease) {
    lock.lock();
    try {
      held.remove(lease);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Refuses everybody from now on, also those who wait. */
  void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Who waits until a thread gives its lease back, as a sentence with the remedy, or null. */
  @Nullable String heldUpBy(Thread thread) {
    lock.lock();
    try {
      Waiter first = waiting.peekFirst();
      boolean holds = held.stream().anyMatch(lease -> lease.thread() == thread);
      return first == null || !holds
          ? null
          : ("The test waits for work that waits for the test: %s needs the sandbox's connection,"
                  + " on which thread %s has a transaction open. Drop @Transactional from the test,"
                  + " the sandbox rolls back anyway; or end the transaction before waiting.")
              .formatted(first.name(), thread.getName());
    } finally {
      lock.unlock();
    }
  }

  private SandboxException interleaved(String use) {
    return new SandboxException(
        ("Thread %s uses two connections of %s in turn, each inside a transaction: %s. A sandbox"
                + " has one connection, on which transactions nest. End the inner transaction"
                + " first.")
            .formatted(Thread.currentThread().getName(), sandbox, use),
        SandboxException.NOT_SUPPORTED);
  }

  private String tooLong(String use) {
    StringBuilder text = new StringBuilder();
    text.append(
        "Waited %d s for the connection of %s: %s. It is held by:"
            .formatted(BUDGET.toSeconds(), sandbox, use));
    for (Lease lease : held) {
      text.append("\n  ").append(lease);
      for (StackTraceElement frame : lease.thread().getStackTrace()) {
        text.append("\n      at ").append(frame);
      }
    }
    return text.append("\nEnd the transaction there, or do not wait inside one.").toString();
  }
}
