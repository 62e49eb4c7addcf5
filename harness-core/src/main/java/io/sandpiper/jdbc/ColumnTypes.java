package io.sandpiper.jdbc;

import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import org.jspecify.annotations.Nullable;

/** Lets the driver learn the types of a result's columns while the lease is held. */
final class ColumnTypes {

  private ColumnTypes() {}

  /**
   * Asks for the types, of which the driver keeps what it did not know; returns whether it can make
   * objects of all values then. The rows behind a cursor it fetches from the server.
   */
  static boolean learn(@Nullable Object result, Statement physical) throws SQLException {
    ResultSet rows =
        result instanceof ResultSet itself
            ? itself
            : Boolean.TRUE.equals(result) ? physical.getResultSet() : null;
    return rows == null || rows.isClosed() || learn(rows);
  }

  /** As {@link #learn(Object, Statement)}, of an open result set. */
  static boolean learn(ResultSet rows) throws SQLException {
    boolean known = true;
    ResultSetMetaData columns = rows.getMetaData();
    int count = columns.getColumnCount();
    for (int column = 1; column <= count; column++) {
      known &= columns.getColumnType(column) != Types.REF_CURSOR;
      columns.getColumnClassName(column);
    }
    return known;
  }
}
