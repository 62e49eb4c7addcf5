package io.sandpiper.jdbc;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A hash of all that a database is: the rows of its catalogs, in which every definition is, and the
 * rows of its tables.
 *
 * <p>The same in a file copy, because that keeps the numbers of objects. Not in it: statistics,
 * where on disk a table is, and how far sequences have gone, which a rollback does not take back.
 */
final class ContentHash {

  private static final long LARGEST_CONTENT = 32L << 20;

  /** What follows from running, not from what somebody defined. */
  private static final String VOLATILE =
      "'{relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid,relfilenode,"
          + "indcheckxmin}'";

  private static final String SETTINGS =
      "SET LOCAL datestyle='ISO'; SET LOCAL timezone='UTC'; SET LOCAL intervalstyle='postgres';"
          + " SET LOCAL extra_float_digits=3; SET LOCAL bytea_output='hex';"
          + " SET LOCAL row_security=off; SET LOCAL search_path=pg_catalog";

  /** What the server itself defines has smaller numbers, and differs between no two databases. */
  private static final String DEFINED_HERE =
      """
      CASE relname WHEN 'pg_depend' THEN 't.objid >= 16384'
                   WHEN 'pg_proc' THEN 't.oid >= 16384 OR t.proacl IS NOT NULL'
                   WHEN 'pg_class' THEN 'true'
                   WHEN 'pg_namespace' THEN 'true'
                   ELSE format('t.%I >= 16384', attname) END
      """;

  private static final String TABLES =
      """
      SELECT format('%I.%I', nspname, relname),
             CASE WHEN nspname <> 'pg_catalog' OR attname IS NULL THEN 'true' ELSE
      """
          + DEFINED_HERE
          + """
             END,
             CASE WHEN nspname = 'pg_catalog' THEN 0 ELSE pg_total_relation_size(c.oid) END
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      LEFT JOIN pg_attribute ON attrelid = c.oid AND attnum = 1
                             AND atttypid IN ('oid'::regtype, 'regproc'::regtype)
      WHERE relkind IN ('r', 'm') AND NOT relisshared
        AND nspname NOT IN ('information_schema', 'pg_toast') AND nspname NOT LIKE 'pg\\_temp%'
        AND (nspname <> 'pg_catalog' OR (has_table_privilege(c.oid, 'SELECT')
             AND relname NOT IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_largeobject')))
      ORDER BY 1
      """;

  private ContentHash() {}

  /**
   * Reads the hash of a connection's database, as of one moment.
   *
   * @return it, or null where the content is too large to be read each time
   */
  static @Nullable String of(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
      statement.execute(SETTINGS);
      List<String> hashes = hashes(statement);
      return hashes == null ? null : hash(statement, hashes);
    } finally {
      connection.rollback();
      connection.setAutoCommit(true);
    }
  }

  private static @Nullable List<String> hashes(Statement statement) throws SQLException {
    List<String> hashes = new ArrayList<>();
    long content = 0;
    try (ResultSet tables = statement.executeQuery(TABLES)) {
      while (tables.next()) {
        hashes.add(hashOf(tables.getString(1), tables.getString(2)));
        content += tables.getLong(3);
      }
    }
    try (ResultSet objects =
        statement.executeQuery("SELECT EXISTS (SELECT FROM pg_largeobject_metadata)")) {
      objects.next();
      return content > LARGEST_CONTENT || objects.getBoolean(1) ? null : hashes;
    }
  }

  private static String hashOf(String table, String condition) {
    String row =
        table.equals("pg_catalog.pg_class") || table.equals("pg_catalog.pg_index")
            ? "(to_jsonb(t) - %s::text[])::text".formatted(VOLATILE)
            : "t::text";
    return ("SELECT '%s' AS name, coalesce(md5(string_agg(h, '' ORDER BY h)), '') AS hash"
            + " FROM (SELECT md5(%s) AS h FROM %s t WHERE %s) r")
        .formatted(table.replace("'", "''"), row, table, condition);
  }

  private static String hash(Statement statement, List<String> hashes) throws SQLException {
    try (ResultSet hash =
        statement.executeQuery(
            "SELECT md5(string_agg(name || hash, ',' ORDER BY name)) FROM (%s) a"
                .formatted(String.join(" UNION ALL ", hashes)))) {
      hash.next();
      return hash.getString(1);
    }
  }
}
