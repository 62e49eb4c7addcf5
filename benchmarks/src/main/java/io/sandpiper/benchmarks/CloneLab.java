package io.sandpiper.benchmarks;

import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed.BackgroundErrors;
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
    Sandbox sandbox =
        run.open(
            new Sandbox.Settings(
                "Benchmarks.cloned", Isolation.DATABASE, BackgroundErrors.FAIL, this));
    return new Lab.Opened(sandbox, sandbox.test().bind());
  }

  /** A connection to the database that is cloned. */
  Connection connect() throws SQLException {
    return DriverManager.getConnection(database.url(), database.user(), database.password());
  }

  /** Waits until as many clones are ready as are made ahead; the first test asks for them. */
  void awaitPrepared() throws SQLException {
    if (!asked) {
      asked = true;
      try (Lab.Opened sandbox = open();
          Connection connection = sandboxed.getConnection()) {
        connection.createStatement().close();
      }
    }
    await(
        "SELECT count(*) >= ? FROM pg_stat_activity WHERE state = 'idle'"
            + " AND datname LIKE 'sp\\_c\\_%'",
        AHEAD);
  }

  void awaitGone(String name) throws SQLException {
    await("SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = ?)", name);
  }

  private void await(String sql, Object argument) throws SQLException {
    long start = System.nanoTime();
    try (PreparedStatement question = watch.prepareStatement(sql)) {
      question.setObject(1, argument);
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
