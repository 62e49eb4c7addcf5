package io.sandpiper.jdbc;

import io.sandpiper.Work;
import org.jspecify.annotations.Nullable;

/**
 * The right to use a sandbox's connection: for one autocommit statement or one application
 * transaction.
 *
 * <p>Fields below the first group are used under the connection's wire lock.
 */
final class Lease {

  private final ConnectionHandle handle;
  private final boolean transaction;
  private final int depth;
  private final @Nullable Work work;
  private final long since = System.nanoTime();
  private volatile Thread thread = Thread.currentThread();

  private @Nullable String savepoint;
  private boolean failed;

  Lease(ConnectionHandle handle, boolean transaction, int depth, @Nullable Work work) {
    this.handle = handle;
    this.transaction = transaction;
    this.depth = depth;
    this.work = work;
  }

  ConnectionHandle handle() {
    return handle;
  }

  /** Whether it lasts until a commit or rollback, not for one statement only. */
  boolean transaction() {
    return transaction;
  }

  /** Whether it was opened by a thread that held another one. */
  boolean nested() {
    return depth > 0;
  }

  int depth() {
    return depth;
  }

  @Nullable Work work() {
    return work;
  }

  /** The thread that used it last. */
  Thread thread() {
    return thread;
  }

  void usedBy(Thread user) {
    thread = user;
  }

  /** The savepoint that undoes all it did, or null where it did nothing yet. */
  @Nullable String savepoint() {
    return savepoint;
  }

  void savepoint(String name) {
    savepoint = name;
  }

  /** Whether an SQL error has left its transaction failed. */
  boolean failed() {
    return failed;
  }

  void fail() {
    failed = true;
  }

  /** "listener scoring.results on thread x for 20 ms". */
  @Override
  public String toString() {
    return "%s on thread %s for %d ms"
        .formatted(
            work == null ? "work without a scope" : work,
            thread.getName(),
            (System.nanoTime() - since) / 1_000_000);
  }
}
