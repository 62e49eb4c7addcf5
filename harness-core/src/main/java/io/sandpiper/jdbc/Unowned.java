package io.sandpiper.jdbc;

/** What becomes of database access by work that belongs to no test. */
public enum Unowned {
  /** It is refused at its first statement, with the remedies. */
  REFUSE,
  /** It reaches the real database and commits there. */
  PASS_THROUGH,
  /**
   * It uses the one sandbox with a database of its own (isolation TRANSACTION or DATABASE) that is
   * open in this run at the first statement of a connection, and stays in it until that connection
   * is closed. With none or several open it is refused as by {@link #REFUSE}. It is not counted: no
   * test waits for it at its end.
   */
  SHARED
}
