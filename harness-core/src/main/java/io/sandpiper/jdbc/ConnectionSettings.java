package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLState;

/**
 * What one connection of an application is set to, which must not be set on a physical connection
 * that others share. Answers as pgjdbc does.
 */
final class ConnectionSettings {

  private static final Set<String> METHODS =
      Set.of(
          "getAutoCommit",
          "isReadOnly",
          "setReadOnly",
          "getTransactionIsolation",
          "setTransactionIsolation",
          "getHoldability",
          "setHoldability",
          "setSchema",
          "getNetworkTimeout",
          "setNetworkTimeout",
          "getTypeMap",
          "setTypeMap",
          "setClientInfo",
          "getWarnings",
          "clearWarnings");

  private boolean autoCommit;
  private boolean readOnly;
  private int isolation = Connection.TRANSACTION_READ_COMMITTED;
  private int holdability = ResultSet.CLOSE_CURSORS_AT_COMMIT;
  private int networkTimeout;
  private @Nullable String schema;
  private @Nullable String schemaBefore;
  private boolean schemaChanged;
  private @Nullable Object typeMap;
  private @Nullable String applicationName;
  private @Nullable SQLWarning warning;

  ConnectionSettings(boolean autoCommit) {
    this.autoCommit = autoCommit;
  }

  /** Whether the settings answer a method of {@link Connection}. */
  static boolean knows(Method method) {
    return METHODS.contains(method.getName());
  }

  @Nullable Object call(Method method, @Nullable Object @Nullable [] args, boolean inTheMiddle)
      throws SQLException {
    return switch (method.getName()) {
      case "getAutoCommit" -> autoCommit;
      case "isReadOnly" -> readOnly;
      case "getTransactionIsolation" -> isolation;
      case "getHoldability" -> holdability;
      case "getNetworkTimeout" -> networkTimeout;
      case "getTypeMap" -> typeMap == null ? Map.of() : typeMap;
      case "getWarnings" -> warning;
      case "clearWarnings" -> warning = null;
      default -> {
        set(method.getName(), args == null ? new Object[0] : args, inTheMiddle);
        yield null;
      }
    };
  }

  private void set(String method, @Nullable Object[] args, boolean inTheMiddle)
      throws SQLException {
    switch (method) {
      case "setReadOnly" -> {
        refuseIf(inTheMiddle, "read-only property");
        readOnly = Reflect.first(Boolean.class, args);
      }
      case "setTransactionIsolation" -> {
        refuseIf(inTheMiddle, "isolation level");
        isolation = supported(Reflect.first(Integer.class, args));
      }
      case "setHoldability" -> holdability = holdability(Reflect.first(Integer.class, args));
      case "setNetworkTimeout" -> networkTimeout = timeout(args[1]);
      case "setSchema" -> setSchema((String) args[0]);
      case "setTypeMap" -> typeMap = args[0];
      default -> setClientInfo(args);
    }
  }

  private void setSchema(@Nullable String wanted) {
    if (!autoCommit && !schemaChanged) {
      schemaChanged = true;
      schemaBefore = schema;
    }
    schema = wanted;
  }

  /** A schema that was set in a transaction goes with it. */
  void transactionEnded(boolean committed) {
    if (schemaChanged && !committed) {
      schema = schemaBefore;
    }
    schemaChanged = false;
  }

  private static void refuseIf(boolean inTheMiddle, String what) throws PSQLException {
    if (inTheMiddle) {
      throw new PSQLException(
          "Cannot change transaction %s in the middle of a transaction.".formatted(what),
          PSQLState.ACTIVE_SQL_TRANSACTION);
    }
  }

  private static int supported(int level) throws PSQLException {
    return switch (level) {
      case Connection.TRANSACTION_READ_UNCOMMITTED,
          Connection.TRANSACTION_READ_COMMITTED,
          Connection.TRANSACTION_REPEATABLE_READ,
          Connection.TRANSACTION_SERIALIZABLE ->
          level;
      default ->
          throw new PSQLException(
              "Transaction isolation level %d not supported.".formatted(level),
              PSQLState.NOT_IMPLEMENTED);
    };
  }

  private static int holdability(int value) throws PSQLException {
    if (value != ResultSet.CLOSE_CURSORS_AT_COMMIT && value != ResultSet.HOLD_CURSORS_OVER_COMMIT) {
      throw new PSQLException(
          "Unknown ResultSet holdability setting: %d.".formatted(value),
          PSQLState.INVALID_PARAMETER_VALUE);
    }
    return value;
  }

  private static int timeout(@Nullable Object millis) throws PSQLException {
    if (!(millis instanceof Integer value) || value < 0) {
      throw new PSQLException(
          "Network timeout must be a value greater than or equal to 0.",
          PSQLState.INVALID_PARAMETER_VALUE);
    }
    return value;
  }

  private void setClientInfo(@Nullable Object[] args) {
    if (args.length == 2 && "ApplicationName".equals(args[0])) {
      applicationName = args[1] == null ? "" : (String) args[1];
    } else if (args[0] instanceof Properties all) {
      applicationName = all.getProperty("ApplicationName", applicationName);
    } else {
      warning =
          new SQLWarning(
              "ClientInfo property not supported.", PSQLState.NOT_IMPLEMENTED.getState());
    }
  }

  /** Gives a connection that is nobody else's the same settings. */
  void applyTo(Connection real) throws SQLException {
    if (real.isReadOnly() != readOnly) {
      real.setReadOnly(readOnly);
    }
    if (isolation != Connection.TRANSACTION_READ_COMMITTED) {
      real.setTransactionIsolation(isolation);
    }
    if (schema != null) {
      real.setSchema(schema);
    }
    if (applicationName != null) {
      real.setClientInfo("ApplicationName", applicationName);
    }
    if (networkTimeout != 0) {
      real.setNetworkTimeout(Runnable::run, networkTimeout);
    }
    if (real.getHoldability() != holdability) {
      real.setHoldability(holdability);
    }
    if (real.getAutoCommit() != autoCommit) {
      real.setAutoCommit(autoCommit);
    }
  }

  boolean autoCommit() {
    return autoCommit;
  }

  void autoCommit(boolean wanted) {
    autoCommit = wanted;
  }

  boolean readOnly() {
    return readOnly;
  }

  int isolation() {
    return isolation;
  }

  /** Whether more was asked for than a TRANSACTION sandbox can give. */
  boolean isolationIsStronger() {
    return isolation > Connection.TRANSACTION_READ_COMMITTED;
  }

  /** The schema that was asked for, or null. */
  @Nullable String schema() {
    return schema;
  }

  /** Whether new statements are to hold their rows over a commit. */
  boolean holds() {
    return holdability == ResultSet.HOLD_CURSORS_OVER_COMMIT;
  }

  /** The application's name for the server that was asked for, or null. */
  @Nullable String applicationName() {
    return applicationName;
  }
}
