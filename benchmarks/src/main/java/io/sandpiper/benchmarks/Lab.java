package io.sandpiper.benchmarks;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import io.sandpiper.jdbc.SandboxDataSource;
import io.sandpiper.server.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.PgConnection;

/**
 * One database and two ways to it that end in one physical connection: that of the sandboxes, and a
 * HikariCP pool as production has it.
 *
 * <p>Identical work on two connections differed by a factor of three on the machines this was
 * written on. So the pool's only connection is the one that sandboxes are given, and a block that
 * found itself on another one would fail.
 */
final class Lab implements AutoCloseable {

  private final Run run = Run.ofThisJvm();
  private final RememberingDriver driver;
  private final String url;
  private final HikariDataSource application;
  private final SandboxDataSource sandboxed;
  private final PgConnection physical;
  private final HikariDataSource production;
  private final @Nullable Placement placement;

  Lab(RememberingDriver driver, TestDatabase database, String url) throws SQLException {
    this.driver = driver;
    this.url = url;
    application = new HikariDataSource(config(database, url));
    sandboxed = SandboxDataSource.wrap(application);
    inSandbox(source -> execute(source, "SELECT 1"));
    physical = theOneConnection();
    placement = Placement.fromSystemProperties();
    if (placement != null) {
      placement.keep(physical.getBackendPID());
    }
    production = new HikariDataSource(single(physical));
  }

  private static HikariConfig config(TestDatabase database, String url) {
    HikariConfig config = new HikariConfig();
    config.setDriverClassName(RememberingDriver.class.getName());
    config.setJdbcUrl(url);
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMinimumIdle(0);
    config.setInitializationFailTimeout(-1);
    config.setMaximumPoolSize(2);
    return config;
  }

  private static HikariConfig single(Connection connection) {
    HikariConfig config = new HikariConfig();
    config.setDataSource(new SingleConnection(connection));
    config.setMaximumPoolSize(1);
    config.setKeepaliveTime(0);
    config.setMaxLifetime(0);
    return config;
  }

  /** The one that both sides use; another one would make their times incomparable. */
  PgConnection theOneConnection() {
    List<PgConnection> opened = driver.opened(url);
    if (opened.size() != 1) {
      throw new IllegalStateException(
          "Sandboxes were given %d connections one after the other, and their times cannot be compared"
              .formatted(opened.size()));
    }
    return opened.get(0);
  }

  /** Work on a database, the same for both sides. */
  @FunctionalInterface
  interface Work {

    void on(DataSource source) throws SQLException;
  }

  DataSource production() {
    return production;
  }

  SandboxDataSource sandboxed() {
    return sandboxed;
  }

  /** Opens a sandbox, works in it, ends it. */
  void inSandbox(Work work) throws SQLException {
    try (Opened sandbox = open()) {
      work.on(sandboxed);
    }
  }

  /** Opens a sandbox and binds the current thread to it. */
  Opened open() {
    return open("Benchmarks.measured");
  }

  /** As {@link #open()}, for the test of that name. */
  Opened open(String testName) {
    Sandbox sandbox = run.open(Sandbox.Settings.of(testName, Isolation.TRANSACTION, this));
    return new Opened(sandbox, sandbox.test().bind());
  }

  /** A sandbox that the current thread is bound to. */
  record Opened(Sandbox sandbox, Scope scope) implements AutoCloseable {

    /** Unbinds the thread and ends the sandbox. */
    @Override
    public void close() {
      scope.close();
      sandbox.run().end(sandbox, null);
    }
  }

  /** Outside any sandbox, committed. */
  void execute(String sql) throws SQLException {
    execute(production, sql);
  }

  private static void execute(DataSource source, String sql) throws SQLException {
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  @Override
  public void close() throws SQLException {
    if (placement != null) {
      placement.release();
    }
    production.close();
    sandboxed.close();
    application.close();
  }
}
