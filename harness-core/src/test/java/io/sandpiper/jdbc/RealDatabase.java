package io.sandpiper.jdbc;

import io.sandpiper.server.TestDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The database below the sandboxes of a random schedule, seen past the harness. No connection to it
 * stays open, for it could not be copied then.
 */
final class RealDatabase {

  private static final String TABLES =
      """
      CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO item VALUES (-1, 'seed'), (-2, 'seed');
      INSERT INTO parent VALUES (-1);
      INSERT INTO child VALUES (-1);
      SELECT lo_from_bytea(0, 'seed');
      """;

  private static final String CONTENTS =
      """
      SELECT format('%s items, %s parents, %s children, %s objects of %s pages, %s locks, %s prepared',
       (SELECT count(*) FROM item), (SELECT count(*) FROM parent), (SELECT count(*) FROM child),
       (SELECT count(*) FROM pg_largeobject_metadata), (SELECT count(*) FROM pg_largeobject),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
         (SELECT oid FROM pg_database WHERE datname = current_database())),
       (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()))
      """;

  private static final String ROWS =
      "SELECT id FROM item WHERE id > 0 UNION ALL SELECT id FROM parent WHERE id > 0"
          + " UNION ALL SELECT -oid::bigint FROM pg_largeobject_metadata";

  private static final String AT_WORK =
      """
      SELECT format('%s %s %s', datname, state, query) FROM pg_stat_activity
      WHERE pid <> pg_backend_pid() AND state <> 'idle' AND datname = current_database()
      """;

  private final TestDatabase database;

  /** A new one with tables and a few rows. */
  RealDatabase() throws Exception {
    try (JdbcFixture made = new JdbcFixture()) {
      database = made.database;
    }
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      statement.execute(TABLES);
    }
  }

  private Connection connect() throws SQLException {
    return DriverManager.getConnection(database.url(), database.user(), database.password());
  }

  /** The same one, reached through a tap. */
  TestDatabase through(WireTap tap) {
    return new TestDatabase(tap.on(database.url()), database.user(), database.password());
  }

  /** How much there is of everything that schedules write, lock and prepare. */
  String contents() throws SQLException {
    return texts(CONTENTS).get(0);
  }

  /** What is done on it, by anybody else. */
  List<String> atWork() throws SQLException {
    return texts(AT_WORK);
  }

  /** The names of all databases of its server. */
  List<String> databases() throws SQLException {
    return texts("SELECT datname FROM pg_database");
  }

  private List<String> texts(String sql) throws SQLException {
    List<String> texts = new ArrayList<>();
    try (Connection connection = connect();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      while (rows.next()) {
        texts.add(rows.getString(1));
      }
    }
    return texts;
  }

  /** The numbers of what schedules write, over all tables; those of large objects are negative. */
  static Set<Long> rows(Connection connection) throws SQLException {
    Set<Long> numbers = new HashSet<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(ROWS)) {
      while (rows.next()) {
        numbers.add(rows.getLong(1));
      }
    }
    return numbers;
  }

  /** Those that are really there. */
  Set<Long> rows() throws SQLException {
    try (Connection connection = connect()) {
      return rows(connection);
    }
  }

  /** Ends processes of the server, and returns when they are gone. */
  void terminate(String which) throws SQLException {
    try (Connection killing = connect();
        Statement statement = killing.createStatement()) {
      statement.execute(
          "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE " + which);
    }
  }
}
