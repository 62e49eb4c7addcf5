package io.sandpiper.jdbc;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * What the tables of a database hold, told by the number of their rows and by the transactions that
 * wrote them.
 *
 * @param snapshot PostgreSQL's name for the moment
 * @param tables by their quoted names; null for one that was locked and could not be looked at
 */
record DatabaseContents(String snapshot, Map<String, @Nullable Table> tables) {

  private static final int MOST_ROWS = 3;

  /** A table that an open transaction alters would make the check wait for the end of its test. */
  private static final String TABLES =
      """
      SELECT format('%I.%I', n.nspname, c.relname), c.oid IN (SELECT relation FROM pg_locks
          WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND c.relpersistence <> 't'
        AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
        AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
      ORDER BY 1""";

  /** Counting tables takes longer than to ask whether anybody has committed anything. */
  private static final String UNCHANGED =
      """
      SELECT pg_current_snapshot(), NOT EXISTS (
        SELECT FROM generate_series(pg_snapshot_xmin('%1$s')::text::bigint,
            pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) AS id
        WHERE NOT pg_visible_in_snapshot(id::text::xid8, '%1$s')
          AND pg_xact_status(id::text::xid8) IS DISTINCT FROM 'aborted'
          AND pg_visible_in_snapshot(id::text::xid8, pg_current_snapshot()))""";

  private static final String NEWER =
      """
      FROM %s AS one_row WHERE NOT pg_visible_in_snapshot((((pg_snapshot_xmax('%2$s')::text::bigint >> 32)
        << 32) + one_row.xmin::text::bigint)::text::xid8, '%2$s')""";

  /** What is known of one table. */
  record Table(long rows, String writers) {}

  static DatabaseContents take(Connection connection) throws SQLException {
    boolean autoCommit = connection.getAutoCommit();
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute(
          "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;SET LOCAL lock_timeout='1s'");
      return new DatabaseContents(
          text(statement, "SELECT pg_current_snapshot()"), tables(statement));
    } finally {
      connection.rollback();
      connection.setAutoCommit(autoCommit);
    }
  }

  /** The same as of now, or null where transactions have been committed on the server since. */
  @Nullable DatabaseContents unchanged(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(UNCHANGED.formatted(snapshot))) {
      row.next();
      return row.getBoolean(2) ? new DatabaseContents(row.getString(1), tables) : null;
    }
  }

  private static String text(Statement statement, String query) throws SQLException {
    try (ResultSet row = statement.executeQuery(query)) {
      row.next();
      return row.getString(1);
    }
  }

  private static Map<String, @Nullable Table> tables(Statement statement) throws SQLException {
    Map<String, @Nullable Table> tables = new LinkedHashMap<>();
    StringJoiner counts = new StringJoiner(" UNION ALL ");
    try (ResultSet rows = statement.executeQuery(TABLES)) {
      while (rows.next()) {
        String table = rows.getString(1);
        tables.put(table, null);
        if (!rows.getBoolean(2)) {
          counts.add(
              "SELECT '%s', count(*), coalesce(sum(xmin::text::bigint), 0)::text FROM %s"
                  .formatted(table.replace("'", "''"), table));
        }
      }
    }
    if (counts.length() > 0) {
      try (ResultSet rows = statement.executeQuery(counts.toString())) {
        while (rows.next()) {
          tables.put(rows.getString(1), new Table(rows.getLong(2), rows.getString(3)));
        }
      }
    }
    return tables;
  }

  /** What differs in a later one, a line for each table. */
  List<String> changes(DatabaseContents now, Connection connection) throws SQLException {
    List<String> changes = new ArrayList<>();
    for (Map.Entry<String, @Nullable Table> entry : now.tables.entrySet()) {
      String table = entry.getKey();
      Table is = entry.getValue();
      Table was = tables.get(table);
      if (!tables.containsKey(table)) {
        changes.add("%s: the table is new".formatted(table));
      } else if (is != null && was != null && !is.equals(was)) {
        changes.add(
            "%s: %d rows before, %d now%s"
                .formatted(table, was.rows(), is.rows(), newer(table, connection)));
      }
    }
    for (String table : tables.keySet()) {
      if (!now.tables.containsKey(table)) {
        changes.add("%s: the table is gone".formatted(table));
      }
    }
    return changes;
  }

  private String newer(String table, Connection connection) throws SQLException {
    String from = NEWER.formatted(table, snapshot);
    try (PreparedStatement statement =
        connection.prepareStatement(
            "SELECT row_to_json(one_row), count(*) OVER () %s LIMIT %d"
                .formatted(from, MOST_ROWS))) {
      try (ResultSet rows = statement.executeQuery()) {
        StringJoiner found = new StringJoiner(" ");
        long count = 0;
        while (rows.next()) {
          found.add(rows.getString(1));
          count = rows.getLong(2);
        }
        return count == 0
            ? ", some were deleted"
            : ", %d newer: %s%s".formatted(count, found, count > MOST_ROWS ? " …" : "");
      }
    }
  }
}
