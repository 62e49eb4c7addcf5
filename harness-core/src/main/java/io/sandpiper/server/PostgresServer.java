package io.sandpiper.server;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A PostgreSQL server that the databases of a test run are on.
 *
 * <p>Settings: {@code sandpiper.database.url}, {@code .user} and {@code .password} name a server;
 * {@code sandpiper.database.server} is {@code auto}, {@code container} or {@code embedded}; {@code
 * sandpiper.database.image} is the image of the container.
 */
public final class PostgresServer implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(PostgresServer.class);

  /**
   * The configuration of a server of ours. Its data does not outlive the run, so it never waits for
   * a disk. Sandboxes hold connections and savepoints, which hold locks. Autovacuum stays on:
   * rolled-back rows are its work, and without statistics plans differ from production's. Small
   * WAL, because the data directory may be memory. Statements that fail are what tests try out, so
   * they are not logged.
   */
  private static final Map<String, String> CONFIGURATION =
      Map.of(
          "fsync", "off",
          "full_page_writes", "off",
          "synchronous_commit", "off",
          "max_connections", "500",
          "max_locks_per_transaction", "256",
          "shared_buffers", "128MB",
          "max_wal_size", "256MB",
          "jit", "off",
          "log_min_messages", "log",
          "log_checkpoints", "off");

  private final PostgresSource source;
  private final boolean keepsFailed;
  private final String description;

  private PostgresServer(PostgresSource source, boolean keepsFailed, String version) {
    this.source = source;
    this.keepsFailed = keepsFailed;
    this.description = source.describe(version);
  }

  /**
   * Finds or starts the server of a test run, and waits until it answers.
   *
   * @param settings looks a setting up by its name; null where it is not set
   * @throws IllegalArgumentException if a setting has a value that is none
   * @throws IllegalStateException if what the settings ask for does not start or does not answer
   */
  public static PostgresServer start(Function<String, @Nullable String> settings) {
    long start = System.nanoTime();
    ServerChoice choice = new ServerChoice("PostgreSQL", "sandpiper.database", settings);
    PostgresSource source =
        choice.start(
            url -> ConfiguredPostgres.of(url, choice),
            () ->
                PostgresContainer.start(
                    choice.setting("image", "postgres:18-alpine"), CONFIGURATION),
            () -> EmbeddedPostgresServer.start(CONFIGURATION));
    PostgresServer server =
        of(source, Boolean.parseBoolean(settings.apply("sandpiper.keep-failed")));
    log.info(
        "Databases of this run: {}, ready in {} ms",
        server.description(),
        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
    return server;
  }

  private static PostgresServer of(PostgresSource source, boolean keepsFailed) {
    try {
      return new PostgresServer(source, keepsFailed, version(source.database()));
    } catch (SQLException e) {
      source.close();
      throw new IllegalStateException(
          "PostgreSQL does not answer at %s: %s. Check the settings sandpiper.database.*"
              .formatted(source.database(), e.getMessage()),
          e);
    }
  }

  /** Whether the server belongs to this run alone, so that databases can be made on it. */
  public boolean ours() {
    return source.ours();
  }

  /**
   * A database for tests: a new, empty one on a server of ours, the configured one as it is on any
   * other.
   *
   * @param name its name on a server of ours
   * @throws IllegalStateException if it cannot be made
   */
  public TestDatabase createDatabase(String name) {
    TestDatabase database = source.database();
    if (!ours()) {
      return database;
    }
    try (Connection connection = connect(database);
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE DATABASE \"" + name.replace("\"", "\"\"") + "\"");
    } catch (SQLException e) {
      throw new IllegalStateException(
          "Database \"%s\" could not be made on %s: %s"
              .formatted(name, description, e.getMessage()),
          e);
    }
    return database.named(name);
  }

  /** The server in one line, for logs and summaries; without passwords. */
  public String description() {
    return description;
  }

  /**
   * Stops the server if this run started it; a second call does nothing. One that holds the
   * databases of failed tests, which {@code sandpiper.keep-failed} asked to keep, lives on where it
   * can, and the log says so.
   */
  @Override
  public void close() {
    List<String> kept = keepsFailed && ours() ? kept() : List.of();
    String howLong = kept.isEmpty() ? null : source.leave();
    if (howLong != null) {
      log.warn("For the databases {} of failed tests, {} runs {}", kept, description, howLong);
      return;
    }
    if (!kept.isEmpty()) {
      log.warn(
          "The databases {} of failed tests end with {}: set sandpiper.database.url to keep them",
          kept,
          description);
    }
    source.close();
  }

  private List<String> kept() {
    try (Connection connection = connect(source.database());
        Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT datname FROM pg_database WHERE starts_with(datname, 'sp_k_') ORDER BY 1")) {
      List<String> names = new ArrayList<>();
      while (rows.next()) {
        names.add(rows.getString(1));
      }
      return names;
    } catch (SQLException stopped) {
      log.debug("No databases of failed tests were found", stopped);
      return List.of();
    }
  }

  private static String version(TestDatabase database) throws SQLException {
    try (Connection connection = connect(database)) {
      // Distributions add their own: "15.16 (Debian 15.16-0+deb12u1)".
      return connection.getMetaData().getDatabaseProductVersion().replaceFirst(" .*", "");
    }
  }

  private static Connection connect(TestDatabase database) throws SQLException {
    PGSimpleDataSource dataSource = new PGSimpleDataSource();
    dataSource.setUrl(database.url());
    dataSource.setUser(database.user());
    dataSource.setPassword(database.password());
    return dataSource.getConnection();
  }
}
