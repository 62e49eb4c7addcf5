package io.sandpiper.jdbc;

import java.sql.Connection;

/** Where the statements of a connection's handle go. */
sealed interface Target {

  /**
   * A connection for this handle alone.
   *
   * @param access who is given it
   */
  record Real(Connection connection, Access access) implements Target {}

  /** The connection of a sandbox. */
  record Shared(SandboxConnection connection) implements Target {}

  /** In whose name a connection is used by one handle alone. */
  enum Access {
    /** What set-up commits is there for all tests. */
    SET_UP,
    /** The application outside of sandboxes. */
    APPLICATION,
    /** A test in its own database. */
    CLONE
  }
}
