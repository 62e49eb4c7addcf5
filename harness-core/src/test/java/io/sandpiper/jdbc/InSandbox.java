package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Sandbox;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** Tests with a database of their own and a TRANSACTION sandbox, after which all is as before. */
abstract class InSandbox {

  JdbcFixture db;
  Sandbox sandbox;
  final ExecutorService threads = Executors.newCachedThreadPool();

  @BeforeEach
  void open() throws Exception {
    db = new JdbcFixture();
    sandbox = db.open("T.test");
  }

  @AfterEach
  void the_database_is_as_before() throws Exception {
    db.run.end(sandbox, null);
    threads.shutdownNow();
    assertThat(db.committed()).isEmpty();
    assertThat(db.pool.getHikariPoolMXBean().getActiveConnections()).isZero();
    db.close();
  }

  Connection connection() {
    return db.dataSource.getConnection();
  }

  /** A connection in a transaction. */
  Connection transaction() throws Exception {
    Connection connection = connection();
    connection.setAutoCommit(false);
    return connection;
  }

  /** What a test does as work of a sandbox. */
  interface Action {
    void run() throws Exception;
  }

  /** Runs something as work of the sandbox, here. */
  void inside(Action action) throws Exception {
    inside(sandbox, action);
  }

  void inside(Sandbox which, Action action) throws Exception {
    db.in(
        which,
        () -> {
          action.run();
          return null;
        });
  }

  Future<?> onAnotherThread(Action action) {
    return threads.submit(
        () -> {
          inside(action);
          return null;
        });
  }

  /** Runs SQL that commits for real. */
  void setUp(String... statements) throws Exception {
    Sandbox.outside(
        () -> {
          for (String sql : statements) {
            db.execute(sql);
          }
          return null;
        });
  }

  static void run(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The first column of the first row. */
  static String value(Connection connection, String sql) throws Exception {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getString(1);
    }
  }

  String value(String sql) throws Exception {
    try (Connection connection = connection()) {
      return value(connection, sql);
    }
  }

  void awaitBackendAsleep() throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    boolean asleep = false;
    while (!asleep && System.nanoTime() < deadline) {
      asleep =
          Sandbox.outside(
              () ->
                  value(
                          "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND"
                              + " datname = current_database()")
                      .equals("1"));
    }
    assertThat(asleep).isTrue();
  }
}
