package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import io.sandpiper.server.PostgresServer;
import io.sandpiper.server.TestDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A database of its own with one table, a small pool on it, and a run. */
final class JdbcFixture implements AutoCloseable {

  final Run run = Run.create();
  final TestDatabase database;
  final HikariDataSource pool;
  final SandboxDataSource dataSource;
  private final List<String> earlier = new ArrayList<>();

  /** With a new database that has a table {@code item}. */
  JdbcFixture() throws Exception {
    this(System::getProperty);
  }

  JdbcFixture(Function<String, @Nullable String> settings) throws Exception {
    this(newDatabase(), settings);
    earlier.addAll(databases("sp_c_"));
    Sandbox.outside(
        () -> {
          execute("CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, owner text)");
          return null;
        });
  }

  private JdbcFixture(TestDatabase database, Function<String, @Nullable String> settings) {
    this.database = database;
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(database.url());
    config.setUsername(database.user());
    config.setPassword(database.password());
    config.setMaximumPoolSize(2);
    config.setInitializationFailTimeout(-1);
    pool = new HikariDataSource(config);
    dataSource = SandboxDataSource.wrap(pool, Unowned.REFUSE, () -> false, settings);
  }

  /** On a database that is there, as another run would use it. */
  static JdbcFixture on(TestDatabase database) {
    return new JdbcFixture(database, System::getProperty);
  }

  /** The same database, as a later run would use it. */
  JdbcFixture inLaterRun() {
    JdbcFixture later = on(database);
    later.earlier.addAll(earlier);
    return later;
  }

  private static TestDatabase newDatabase() {
    return Run.ofThisJvm()
        .shared(PostgresServer.class, () -> PostgresServer.start(System::getProperty))
        .createDatabase("jdbc_" + UUID.randomUUID().toString().substring(0, 8));
  }

  /** The same database for a new role that owns it. */
  TestDatabase withRole(String options) throws SQLException {
    String role = "role_" + UUID.randomUUID().toString().substring(0, 8);
    admin("CREATE ROLE \"%s\" LOGIN PASSWORD 'secret' %s".formatted(role, options));
    admin("ALTER DATABASE \"%s\" OWNER TO \"%s\"".formatted(name(), role));
    try (Connection connection = pool.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute("ALTER TABLE item OWNER TO \"%s\"".formatted(role));
    }
    return new TestDatabase(database.url(), role, "secret");
  }

  /** Another database of the same server. */
  TestDatabase named(String name) {
    return new TestDatabase(
        database.url().replaceFirst("/[^/?]*(\\?|$)", "/" + name + "$1"),
        database.user(),
        database.password());
  }

  /** The name of the database. */
  String name() {
    return database.url().replaceFirst("\\?.*", "").replaceFirst(".*/", "");
  }

  /** Does something as the server's superuser, in another database. */
  void admin(String sql) throws SQLException {
    try (Connection connection = maintenance();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private Connection maintenance() throws SQLException {
    TestDatabase maintenance = named("postgres");
    return DriverManager.getConnection(
        maintenance.url(), maintenance.user(), maintenance.password());
  }

  Sandbox open(String name) {
    return open(name, Isolation.TRANSACTION);
  }

  Sandbox open(String name, Isolation isolation) {
    return run.open(Sandbox.Settings.of(name, isolation, this));
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

  /** The databases on the server that are those of tests, without those of earlier fixtures. */
  List<String> databasesForTests() throws SQLException {
    List<String> names = databases("sp_c_");
    names.removeAll(earlier);
    return names;
  }

  /** The templates of this database on the server. */
  List<String> templates() throws SQLException {
    return databases(
        "sp_t_' || (SELECT oid FROM pg_database WHERE datname = '%s') || '_".formatted(name()));
  }

  private List<String> databases(String prefix) throws SQLException {
    try (Connection connection = maintenance();
        Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT datname FROM pg_database WHERE starts_with(datname, '%s') ORDER BY 1"
                    .formatted(prefix))) {
      List<String> names = new ArrayList<>();
      while (rows.next()) {
        names.add(rows.getString(1));
      }
      return names;
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
