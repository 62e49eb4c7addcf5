package io.sandpiper.jdbc;

import io.sandpiper.CallSite;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLState;

/**
 * Whose turn it is on the connection of one sandbox.
 *
 * <p>Threads queue fairly. A thread that holds a lease and wants one for another handle nests, last
 * in first out; it would wait for itself otherwise.
 */
final class Leases {

  private static final Duration BUDGET = Duration.ofSeconds(30);

  private static final String REMEDY =
      " Give the test @Sandboxed(isolation = DATABASE), where each has a connection of its own.";

  private final Sandbox sandbox;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Lease> held = new ArrayDeque<>();
  private final Deque<Waiter> waiting = new ArrayDeque<>();
  private boolean closed;

  /** A thread in the queue; the name is that of its work. */
  private static final class Waiter {

    private final Thread thread = Thread.currentThread();
    private final String name;
    private final Object use;
    private boolean cancelled;

    Waiter(Object use) {
      Work work = Work.current();
      this.name = work == null ? use.toString() : work.toString();
      this.use = use;
    }
  }

  Leases(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /**
   * Waits for the turn of a handle.
   *
   * @param current the lease of the handle's open transaction, or null
   * @param transaction whether a new lease lasts for a transaction
   * @param use what for: identifies it for {@link #cancel}, and names it by its text
   */
  Lease acquire(ConnectionHandle handle, @Nullable Lease current, boolean transaction, Object use)
      throws SQLException {
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
      ConnectionHandle handle, @Nullable Lease current, boolean transaction, Object use)
      throws SQLException {
    Waiter waiter = new Waiter(use);
    lock.lock();
    try {
      waiting.addLast(waiter);
    } finally {
      lock.unlock();
    }
    // A test that waits in an assertion while it holds the lease has to look at the queue.
    sandbox.signal();
    String cycle = new WaitCycle(sandbox).through(this);
    lock.lock();
    try {
      if (cycle != null) {
        throw new SandboxException(
            "%s would never get its turn: %s.%s".formatted(use, cycle, REMEDY),
            SandboxException.WAIT);
      }
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
      Object use)
      throws SQLException {
    if (closed) {
      throw SandboxEndedException.of(sandbox, use.toString());
    }
    if (waiter != null && waiter.cancelled) {
      throw new PSQLException(
          "ERROR: canceling statement due to user request", PSQLState.QUERY_CANCELED);
    }
    Lease top = held.peekFirst();
    if (current != null && current == top) {
      refuseDuringCopy(top, use);
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
    if (mine) {
      refuseDuringCopy(top, use);
    }
    Work work = Work.current();
    Lease lease =
        new Lease(
            handle, transaction, top, work != null && work.sandbox() == sandbox ? work : null);
    if (mine) {
      lease.begunAt(CallSite.here());
    }
    held.addFirst(lease);
    return lease;
  }

  private void refuseDuringCopy(Lease lease, Object use) throws SandboxException {
    if (lease.copying()) {
      throw new SandboxException(
          ("%s while the same thread has a COPY open on the connection of %s: end or cancel the"
                  + " COPY first.%s")
              .formatted(use, sandbox, REMEDY),
          SandboxException.NOT_SUPPORTED);
    }
  }

  void release(Lease lease) {
    lock.lock();
    try {
      held.remove(lease);
      if (!waiting.isEmpty()) {
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Takes a use out of the queue, whose thread then gets the error of a cancelled statement. */
  void cancel(Object use) {
    lock.lock();
    try {
      for (Waiter waiter : waiting) {
        waiter.cancelled |= waiter.use == use;
      }
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

  /** The lease that everybody waits for, or null where the connection is free. */
  @Nullable Lease holder() {
    lock.lock();
    try {
      return held.peekFirst();
    } finally {
      lock.unlock();
    }
  }

  boolean isAwaitedBy(Thread thread) {
    lock.lock();
    try {
      return waiting.stream().anyMatch(waiter -> waiter.thread == thread);
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
                  + " the sandbox rolls back anyway; or end the transaction before waiting; or give"
                  + " the test @Sandboxed(isolation = DATABASE).")
              .formatted(first.name, thread.getName());
    } finally {
      lock.unlock();
    }
  }

  /** The refusal of what is not last in, first out. */
  SandboxException interleaved(Object use) {
    return new SandboxException(
        ("Thread %s uses two connections of %s in turn, each inside a transaction: %s at %s, inside"
                + " the transaction begun at %s. A TRANSACTION sandbox has one connection, on which"
                + " transactions nest. End the inner transaction first.%s")
            .formatted(
                Thread.currentThread().getName(),
                sandbox,
                use,
                CallSite.here(),
                held.getFirst().site(),
                REMEDY),
        SandboxException.NOT_SUPPORTED);
  }

  private String tooLong(Object use) {
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
    return text.append("\nEnd the transaction there, or do not wait inside one.")
        .append(REMEDY)
        .toString();
  }
}
