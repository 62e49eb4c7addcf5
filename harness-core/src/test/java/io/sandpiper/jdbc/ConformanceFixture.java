package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import io.sandpiper.server.PostgresServer;
import io.sandpiper.server.TestDatabase;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * The places that programs run in: a new database for each on plain connections, and one database
 * for all the sandboxes of an isolation, so that what one leaves behind shows in the next.
 */
final class ConformanceFixture implements AutoCloseable {

  /** Values of sequences are not given back by a rollback, and would tell the sandboxes apart. */
  private static final String RESTART_SEQUENCES =
      """
      DO $$
      DECLARE s regclass;
      BEGIN
        FOR s IN SELECT oid FROM pg_class WHERE relkind = 'S' LOOP
          EXECUTE format('ALTER SEQUENCE %s RESTART', s);
        END LOOP;
      END $$
      """;

  private static final String TABLES =
      """
      SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relpersistence <> 't' AND relnamespace NOT IN
        ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) ORDER BY 1
      """;

  private static final String FINE = "the test passes";

  private final Run run = Run.create();
  private final String template = "conformance_" + UUID.randomUUID().toString().substring(0, 8);
  private final TestDatabase server;
  private final String parameters;
  private final Map<Isolation, Place> places = new HashMap<>();
  private final Map<String, List<String>> plain = new HashMap<>();
  private int clones;

  /** A database with the suite's schema, the application's pool on it, and the sandboxes' view. */
  private record Place(String name, HikariDataSource pool, SandboxDataSource dataSource)
      implements AutoCloseable {

    @Override
    public void close() throws SQLException {
      dataSource.close();
      pool.close();
    }
  }

  /**
   * A template with the suite's schema.
   *
   * @param parameters of all the connections, as in a JDBC URL
   */
  ConformanceFixture(String parameters) throws SQLException, IOException {
    this.parameters = parameters;
    server =
        Run.ofThisJvm()
            .shared(PostgresServer.class, () -> PostgresServer.start(System::getProperty))
            .createDatabase(template);
    try (Connection connection = driver(template).getConnection();
        Statement statement = connection.createStatement()) {
      for (String part : schema().split("\n\n")) {
        statement.execute(part);
      }
    }
  }

  private static String schema() throws IOException {
    try (InputStream text = ConformanceFixture.class.getResourceAsStream("conformance.sql")) {
      return new String(Objects.requireNonNull(text).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** What a program sees on plain connections to a database of its own. */
  List<String> plain(Program program) throws Exception {
    List<String> known = plain.get(program.name());
    if (known == null) {
      known = onDriver(program);
      plain.put(program.name(), known);
    }
    return known;
  }

  private List<String> onDriver(Program program) throws Exception {
    String name = makeDatabase();
    List<String> seen = new ArrayList<>(seen(program, driver(name), name, Callable::call));
    seen.add(FINE);
    administer("DROP DATABASE %s WITH (FORCE)".formatted(name));
    return seen;
  }

  /** What a program sees in a sandbox, whose end it survives; checks that it leaves nothing. */
  List<String> sandboxed(Program program, Isolation isolation) throws Exception {
    Place place = places.remove(isolation);
    if (place == null) {
      place = place();
    }
    try {
      execute(driver(place.name()), RESTART_SEQUENCES);
      List<String> before = left(driver(place.name()));
      List<String> seen = sandboxed(program, isolation, place);
      List<String> after = left(driver(place.name()));
      if (!after.equals(before)) {
        throw new AssertionError(
            "\"%s\" left in the database: %s; before: %s".formatted(program, after, before));
      }
      places.put(isolation, place);
      return seen;
    } finally {
      if (places.get(isolation) != place) {
        place.close();
      }
    }
  }

  private List<String> sandboxed(Program program, Isolation isolation, Place place)
      throws Exception {
    Sandbox sandbox = run.open(Sandbox.Settings.of(program.name(), isolation, this));
    Connections.Binding binding =
        new Connections.Binding() {
          @Override
          public <T> T call(Callable<T> work) throws Exception {
            try (Scope scope = sandbox.test().bind()) {
              return work.call();
            }
          }
        };
    List<String> seen = new ArrayList<>();
    try {
      seen.addAll(binding.call(() -> seen(program, place.dataSource(), place.name(), binding)));
    } finally {
      seen.add(end(sandbox));
    }
    return seen;
  }

  /** How the test ends: a sandbox may have to fail a test whose every call went well. */
  private String end(Sandbox sandbox) {
    try {
      run.end(sandbox, null);
      return FINE;
    } catch (AssertionError failed) {
      boolean remedy = String.valueOf(failed.getMessage()).contains("DATABASE");
      return remedy ? "the test fails naming DATABASE" : "the test fails: " + failed.getMessage();
    }
  }

  private List<String> seen(
      Program program, DataSource dataSource, String database, Connections.Binding binding)
      throws Exception {
    Transcript seen = new Transcript();
    try (Connections connections = new Connections(dataSource, driver(database), binding)) {
      seen.does("the program", () -> program.body().run(connections, seen));
    }
    seen.see("left", () -> left(dataSource));
    String name = name(dataSource, database);
    return seen.lines().stream().map(line -> line.replace(name, "<database>")).toList();
  }

  /** The database's own name; a sandbox of isolation DATABASE gives it another one. */
  private static String name(DataSource dataSource, String otherwise) {
    try {
      return strings(dataSource, "SELECT current_database()").get(0);
    } catch (SQLException broken) {
      // The line before this one says so.
      return otherwise;
    }
  }

  /** The tables with rows, and the number of large objects, as a new connection sees them. */
  private static List<String> left(DataSource dataSource) throws SQLException {
    List<String> left = new ArrayList<>();
    try (Connection connection = dataSource.getConnection()) {
      List<String> tables = strings(connection, TABLES);
      left.add(tables.size() + " tables");
      for (String table : tables) {
        List<String> rows =
            strings(connection, "SELECT t::text FROM %s t ORDER BY 1".formatted(table));
        if (!rows.isEmpty()) {
          left.add(table + rows);
        }
      }
      left.addAll(
          strings(connection, "SELECT count(*) || ' large objects' FROM pg_largeobject_metadata"));
    }
    return left;
  }

  private static List<String> strings(DataSource dataSource, String sql) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      return strings(connection, sql);
    }
  }

  private static List<String> strings(Connection connection, String sql) throws SQLException {
    List<String> found = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      while (rows.next()) {
        found.add(rows.getString(1));
      }
    }
    return found;
  }

  private Place place() throws SQLException {
    String name = makeDatabase();
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(url(name));
    config.setUsername(server.user());
    config.setPassword(server.password());
    config.setMaximumPoolSize(4);
    config.setMinimumIdle(0);
    HikariDataSource pool = new HikariDataSource(config);
    return new Place(
        name,
        pool,
        SandboxDataSource.wrap(
            pool,
            Unowned.REFUSE,
            () -> false,
            setting ->
                setting.equals("sandpiper.database.sequences")
                    ? "copied"
                    : System.getProperty(setting)));
  }

  private String makeDatabase() throws SQLException {
    String name = template + "_" + ++clones;
    administer("CREATE DATABASE %s TEMPLATE %s STRATEGY FILE_COPY".formatted(name, template));
    return name;
  }

  private void administer(String sql) throws SQLException {
    execute(driver("postgres"), sql);
  }

  private static void execute(DataSource dataSource, String sql) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The driver itself: HikariCP has its own ideas of closed connections and of errors. */
  private DataSource driver(String name) {
    PGSimpleDataSource driver = new PGSimpleDataSource();
    driver.setUrl(url(name));
    driver.setUser(server.user());
    driver.setPassword(server.password());
    return driver;
  }

  private String url(String name) {
    String url = server.url().replace("/" + template, "/" + name);
    return parameters.isEmpty() ? url : url + (url.contains("?") ? "&" : "?") + parameters;
  }

  @Override
  public void close() throws SQLException {
    for (Place place : places.values()) {
      place.close();
    }
    administer("DROP DATABASE %s WITH (FORCE)".formatted(template));
  }
}
