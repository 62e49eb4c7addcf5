package io.sandpiper.jdbc;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the schema of a database asks of a sandbox.
 *
 * @param deferrable whether any constraint can be deferred to the commit
 * @param defer the SQL that gives each constraint the mode it has at the beginning of a
 *     transaction, after all have been made immediate; null where all are immediate
 * @param advisoryLocks whether a function of the database may take an advisory lock
 * @param applicationNames whether a function of the database may set {@code application_name}
 * @param lockTimeouts whether a function of the database may set {@code lock_timeout}
 */
record DatabaseFacts(
    boolean deferrable,
    @Nullable String defer,
    boolean advisoryLocks,
    boolean applicationNames,
    boolean lockTimeouts) {

  /** More names than that cost more than to name the others. */
  private static final int MANY = 20;

  private static final String CONSTRAINTS =
      "SELECT DISTINCT format('%I.%I', n.nspname, c.conname), c.condeferred"
          + " FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace"
          + " WHERE c.condeferrable AND c.conparentid = 0 AND n.nspname NOT LIKE 'pg\\_temp%'";

  private static final String FUNCTIONS =
      "SELECT coalesce(bool_or(prosrc ILIKE '%advisory%'), false),"
          + " coalesce(bool_or(prosrc ILIKE '%application_name%'), false),"
          + " coalesce(bool_or(prosrc ILIKE '%lock_timeout%'"
          + "  OR proconfig::text ILIKE '%lock_timeout%'), false)"
          + " FROM pg_proc WHERE pronamespace <> 'pg_catalog'::regnamespace";

  /** Reads them through a connection in a transaction that has not failed. */
  static DatabaseFacts read(Connection connection) throws SQLException {
    List<String> deferred = new ArrayList<>();
    List<String> immediate = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet names = statement.executeQuery(CONSTRAINTS)) {
      while (names.next()) {
        (names.getBoolean(2) ? deferred : immediate).add(names.getString(1));
      }
    }
    try (Statement statement = connection.createStatement();
        ResultSet functions = statement.executeQuery(FUNCTIONS)) {
      functions.next();
      return new DatabaseFacts(
          !deferred.isEmpty() || !immediate.isEmpty(),
          defer(deferred, immediate),
          functions.getBoolean(1),
          functions.getBoolean(2),
          functions.getBoolean(3));
    }
  }

  private static @Nullable String defer(List<String> deferred, List<String> immediate) {
    if (deferred.isEmpty()) {
      return null;
    }
    if (immediate.isEmpty()) {
      return "SET CONSTRAINTS ALL DEFERRED";
    }
    // ALL DEFERRED alone would defer those too that begin as immediate ones.
    return deferred.size() > MANY && immediate.size() < deferred.size()
        ? "SET CONSTRAINTS ALL DEFERRED;SET CONSTRAINTS %s IMMEDIATE"
            .formatted(String.join(",", immediate))
        : "SET CONSTRAINTS %s DEFERRED".formatted(String.join(",", deferred));
  }
}
