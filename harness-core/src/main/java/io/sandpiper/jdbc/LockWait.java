package io.sandpiper.jdbc;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a session waited for when it was looked at, and for whom.
 *
 * @param pid the process of the session
 * @param kind the server's word for what is locked, such as {@code transactionid}
 * @param lock what is locked, such as {@code row {"id":1} of item}; null where the server's view of
 *     locks does not tell, as for a unique key
 * @param relation the relation that the lock is on, or null
 * @param mode the server's word for how it is to be locked
 * @param blockers who has to go first, holding it or before it in the queue
 * @param statement what the session executes, without the values of its parameters
 */
record LockWait(
    int pid,
    String kind,
    @Nullable String lock,
    @Nullable String relation,
    String mode,
    List<Blocker> blockers,
    String statement) {

  /**
   * A session that another one waits for.
   *
   * @param pid its process; 0 for a prepared transaction
   * @param description what the server knows of it: application, state and last statement
   * @param holds the modes in which it has the lock itself; null where it has not, or holds a row
   */
  record Blocker(int pid, String description, @Nullable String holds) {}

  /** Whether it is for another transaction's end: for a row, or a key that must be unique. */
  boolean isForTransaction() {
    return kind.equals("transactionid");
  }

  LockWait on(String known) {
    return new LockWait(pid, kind, known, relation, mode, blockers, statement);
  }
}
