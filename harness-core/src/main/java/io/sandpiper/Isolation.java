package io.sandpiper;

/** What a sandbox keeps apart. */
public enum Isolation {
  /**
   * One database connection and one transaction for everything that the test causes, rolled back at
   * its end. The default of {@link Sandboxed}.
   */
  TRANSACTION,
  /**
   * A database for the test, copied from a frozen copy of the application's. Commits are real, work
   * may have many connections at once and other processes can join; none of the limits of {@link
   * #TRANSACTION} holds. Costs some 20 ms of the server's time, mostly spent before the test asks.
   */
  DATABASE,
  /** Mailbox, ledger and journal only; the database is the real one and commits. */
  NONE
}
