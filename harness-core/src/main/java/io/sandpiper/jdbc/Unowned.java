package io.sandpiper.jdbc;

/** What becomes of database access by work that belongs to no test. */
public enum Unowned {
  /** It is refused at its first statement, with the remedies. */
  REFUSE,
  /** It reaches the real database and commits there. */
  PASS_THROUGH
}
