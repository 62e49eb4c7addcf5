package io.sandpiper.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;
import org.postgresql.core.TransactionState;
import org.postgresql.jdbc.PgConnection;

/** A connection to a database of ours, given to one user after the other as a pool would. */
final class PhysicalConnection {

  private final Connection connection;
  private final PgConnection driver;
  private final boolean readOnly;
  // What they were before the user changed them; null where the user did not.
  private @Nullable Integer isolation;
  private @Nullable String schema;
  private @Nullable Integer networkTimeout;
  private volatile boolean unwrapped;

  PhysicalConnection(Connection connection) throws SQLException {
    this.connection = connection;
    this.driver = connection.unwrap(PgConnection.class);
    this.readOnly = connection.isReadOnly();
  }

  Connection connection() {
    return connection;
  }

  PgConnection driver() {
    return driver;
  }

  int pid() {
    return driver.getBackendPID();
  }

  boolean isClosed() throws SQLException {
    return driver.isClosed();
  }

  boolean inTransaction() {
    return driver.getTransactionState() != TransactionState.IDLE;
  }

  /** Notes that its user can do on it what is not seen. */
  void unwrapped() {
    unwrapped = true;
  }

  /** Whether a COPY is open on it, for whose end the driver lets everything else wait. */
  boolean isCopying() {
    return unwrapped && DriverLock.isTaken(driver);
  }

  /** Notes what a setter is going to change; asking for it is a round trip, so only then. */
  void changing(String setter) throws SQLException {
    switch (setter) {
      case "setTransactionIsolation":
        if (isolation == null) {
          isolation = connection.getTransactionIsolation();
        }
        break;
      case "setSchema":
        if (schema == null) {
          schema = connection.getSchema();
        }
        break;
      case "setNetworkTimeout":
        if (networkTimeout == null) {
          networkTimeout = connection.getNetworkTimeout();
        }
        break;
      default:
        break;
    }
  }

  /** Makes it as it was before its user, as far as a pool does that. */
  void reset() throws SQLException {
    endTransaction();
    connection.setAutoCommit(true);
    if (connection.isReadOnly() != readOnly) {
      connection.setReadOnly(readOnly);
    }
    if (isolation != null) {
      connection.setTransactionIsolation(isolation);
      isolation = null;
    }
    if (schema != null) {
      connection.setSchema(schema);
      schema = null;
    }
    if (networkTimeout != null) {
      connection.setNetworkTimeout(Runnable::run, networkTimeout);
      networkTimeout = null;
    }
    connection.clearWarnings();
  }

  private void endTransaction() throws SQLException {
    if (!inTransaction()) {
      return;
    }
    if (!connection.getAutoCommit()) {
      connection.rollback();
      return;
    }
    // Begun as SQL text, of which JDBC does not know.
    try (Statement statement = connection.createStatement()) {
      statement.execute("ROLLBACK");
    }
  }

  void close() {
    try {
      connection.close();
    } catch (SQLException gone) {
      abort();
    }
  }

  /** Closes it under the hands of whoever waits for an answer on it. */
  void abort() {
    try {
      connection.abort(Runnable::run);
    } catch (SQLException alreadyGone) {
      // Then there is nothing left to close.
    }
  }
}
