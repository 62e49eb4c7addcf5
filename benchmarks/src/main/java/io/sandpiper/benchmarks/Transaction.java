package io.sandpiper.benchmarks;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;

/** An application transaction, with the JDBC calls that Spring's transaction manager makes. */
final class Transaction {

  private Transaction() {}

  /** What is done in it. */
  @FunctionalInterface
  interface Body {

    void on(Connection connection) throws SQLException;
  }

  static void in(DataSource source, Body body) throws SQLException {
    try (Connection connection = source.getConnection()) {
      connection.setAutoCommit(false);
      body.on(connection);
      connection.commit();
      connection.setAutoCommit(true);
    }
  }
}
