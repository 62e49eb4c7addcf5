package io.sandpiper.benchmarks;

import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.jdbc.SandboxDataSource;
import io.sandpiper.server.TestDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.concurrent.TimeUnit;

/** A database, sandboxes of isolation DATABASE on it, and a watch on the server's databases. */
final class CloneLab implements AutoCloseable {

  private static final int AHEAD = 4;
  private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(60);

  private final Run run = Run.create();
  private final TestDatabase database;
  private final HikariDataSource pool = new HikariDataSource();
  private final SandboxDataSource sandboxed;
  private final Connection watch;
  private boolean asked;

  /**
   * @param database the one to clone
   * @param maintenance another of the same server
   */
  CloneLab(TestDatabase database, TestDatabase maintenance) throws SQLException {
    this.database = database;
    pool.setJdbcUrl(database.url());
    pool.setUsername(database.user());
    pool.setPassword(database.password());
    pool.setMinimumIdle(0);
    sandboxed = SandboxDataSource.wrap(pool);
    watch =
        DriverManager.getConnection(maintenance.url(), maintenance.user(), maintenance.password());
  }

  SandboxDataSource sandboxed() {
    return sandboxed;
  }

  Lab.Opened open() {
    Sandbox sandbox = run.open(Sandbox.Settings.of("Benchmarks.cloned", Isolation.DATABASE, this));
    return new Lab.Opened(sandbox, sandbox.test().bind());
  }

  /** A connection to the database that is cloned. */
  Connection connect() throws SQLException {
    return DriverManager.getConnection(database.url(), database.user(), database.password());
  }

  /**
   * Waits until there are no other clones than those made ahead and those that tests use, and
   * nobody has worked on them for a while; the first test asks for them. One that is still to be
   * dropped would be taken for one of them, and one that is being made is idle now and then.
   *
   * @param used how many tests use
   */
  void awaitPrepared(int used) throws SQLException {
    if (!asked) {
      asked = true;
      try (Lab.Opened sandbox = open();
          Connection connection = sandboxed.getConnection()) {
        connection.createStatement().close();
      }
    }
    await(
        "SELECT (SELECT count(*) FROM pg_database WHERE datname LIKE 'sp\\_c\\_%') = ? AND"
            + " count(*) = ? FROM pg_stat_activity WHERE datname LIKE 'sp\\_c\\_%' AND"
            + " state = 'idle' AND state_change < clock_timestamp() - interval '20 ms'",
        AHEAD + used, AHEAD + used);
  }

  /** The clone of the sandbox that the current thread is bound to. */
  String databaseOfTest() throws SQLException {
    try (Connection connection = sandboxed.getConnection()) {
      return connection.getCatalog();
    }
  }

  /** Waits until the server has no such database any more. */
  void awaitGone(String name) throws SQLException {
    await("SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = ?)", name);
  }

  private void await(String sql, Object... arguments) throws SQLException {
    long start = System.nanoTime();
    try (PreparedStatement question = watch.prepareStatement(sql)) {
      for (int i = 0; i < arguments.length; i++) {
        question.setObject(i + 1, arguments[i]);
      }
      while (!isTrue(question)) {
        if (System.nanoTime() - start > LONGEST_NANOS) {
          throw new IllegalStateException("Waited a minute in vain for: " + question);
        }
      }
    }
  }

  private static boolean isTrue(PreparedStatement question) throws SQLException {
    try (ResultSet answer = question.executeQuery()) {
      answer.next();
      return answer.getBoolean(1);
    }
  }

  @Override
  public void close() throws SQLException {
    watch.close();
    sandboxed.close();
    pool.close();
  }
}
