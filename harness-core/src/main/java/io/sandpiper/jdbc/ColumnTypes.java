package io.sandpiper.jdbc;

import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;

/** Lets the driver learn the types of a result's columns while the lease is held. */
final class ColumnTypes {

  private ColumnTypes() {}

  /** Asks for the types, of which the driver keeps what it did not know. */
  static void learn(@Nullable Object result, Statement physical) throws SQLException {
    ResultSet rows =
        result instanceof ResultSet itself
            ? itself
            : Boolean.TRUE.equals(result) ? physical.getResultSet() : null;
    if (rows == null || rows.isClosed()) {
      return;
    }
    ResultSetMetaData columns = rows.getMetaData();
    int count = columns.getColumnCount();
    for (int column = 1; column <= count; column++) {
      columns.getColumnType(column);
      columns.getColumnClassName(column);
    }
  }
}
