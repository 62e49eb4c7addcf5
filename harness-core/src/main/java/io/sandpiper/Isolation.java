package io.sandpiper;

/** What a sandbox keeps apart. */
public enum Isolation {
  /**
   * One database connection and one transaction for everything that the test causes, rolled back at
   * its end. The default of {@link Sandboxed}.
   */
  TRANSACTION,
  /** Mailbox, ledger and journal only; the database is the real one and commits. */
  NONE
}
