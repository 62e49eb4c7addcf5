package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.context.Scope;
import io.sandpiper.server.PostgresServer;
import io.sandpiper.server.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** A database of its own with one table, a small pool on it, and a run. */
final class JdbcFixture implements AutoCloseable {

  final Run run = Run.create();
  final HikariDataSource pool;
  final SandboxDataSource dataSource;

  JdbcFixture() throws Exception {
    this(null, null);
  }

  /**
   * A fixture for locks.
   *
   * @param lockTimeout that of the sandboxes, or null for the default
   * @param initSql what the pool executes on each of its connections, or null
   */
  JdbcFixture(@Nullable Duration lockTimeout, @Nullable String initSql) throws Exception {
    TestDatabase database =
        Run.ofThisJvm()
            .shared(PostgresServer.class, () -> PostgresServer.start(System::getProperty))
            .createDatabase("jdbc_" + UUID.randomUUID().toString().substring(0, 8));
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.url());
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMaximumPoolSize(2);
    config.setConnectionInitSql(initSql);
    pool = new HikariDataSource(config);
    dataSource = SandboxDataSource.wrap(pool, Unowned.REFUSE, lockTimeout, () -> false);
    Sandbox.outside(
        () -> {
          execute("CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, owner text)");
          return null;
        });
  }

  Sandbox open(String name) {
    return run.open(new Sandbox.Settings(name, Isolation.TRANSACTION, BackgroundErrors.FAIL, this));
  }

  <T> T in(Sandbox sandbox, Callable<T> action) throws Exception {
    try (Scope scope = sandbox.test().bind()) {
      return action.call();
    }
  }

  void execute(String sql) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  List<Integer> ids() throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      return ids(connection);
    }
  }

  static List<Integer> ids(Connection connection) throws SQLException {
    List<Integer> ids = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("SELECT id FROM item ORDER BY id")) {
      while (rows.next()) {
        ids.add(rows.getInt(1));
      }
    }
    return ids;
  }

  static void insert(Connection connection, int id) throws SQLException {
    try (var statement =
        connection.prepareStatement("INSERT INTO item (id, name) VALUES (?, 'x')")) {
      statement.setInt(1, id);
      statement.executeUpdate();
    }
  }

  /** The rows that are really there. */
  List<Integer> committed() throws Exception {
    return Sandbox.outside(this::ids);
  }

  @Override
  public void close() throws Exception {
    dataSource.close();
    pool.close();
  }
}
