package io.sandpiper.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.Timeout;

@TestInstance(Lifecycle.PER_CLASS)
class PostgresServerTests {

  private static final Map<String, String> EMBEDDED =
      Map.of("sandpiper.database.server", "embedded");

  private PostgresServer server;

  @BeforeAll
  void start() {
    server = PostgresServer.start(EMBEDDED::get);
  }

  @AfterAll
  void stop() {
    server.close();
  }

  @Test
  void an_embedded_server_is_ours_and_says_what_it_is() {
    assertThat(server.ours()).isTrue();
    assertThat(server.description()).matches("embedded PostgreSQL 18\\.\\d+ on port \\d+");
  }

  @Test
  void databases_do_not_see_each_other() throws SQLException {
    TestDatabase first = server.createDatabase("first");
    TestDatabase second = server.createDatabase("second");

    execute(first, "CREATE TABLE item (id int)");

    assertThat(query(first, "SELECT to_regclass('item')::text")).isEqualTo("item");
    assertThat(query(second, "SELECT to_regclass('item')::text")).isNull();
  }

  @Test
  void the_name_of_a_database_may_hold_any_character() throws SQLException {
    String name = "it's \"odd\"/a?b&c=d%20+ü$1";

    TestDatabase database = server.createDatabase(name);

    assertThat(query(database, "SELECT current_database()")).isEqualTo(name);
  }

  @Test
  void a_database_that_is_there_already_is_an_error_that_names_it() {
    server.createDatabase("twice");

    assertThatIllegalStateException()
        .isThrownBy(() -> server.createDatabase("twice"))
        .withMessageContainingAll("\"twice\"", "could not be made", server.description());
  }

  @Test
  void a_server_of_ours_is_tuned_for_tests() throws SQLException {
    TestDatabase database = server.createDatabase("tuned");

    assertThat(query(database, "SHOW fsync")).isEqualTo("off");
    assertThat(query(database, "SHOW max_connections")).isEqualTo("500");
    assertThat(query(database, "SHOW listen_addresses")).isEqualTo("127.0.0.1");
    assertThat(query(database, "SHOW server_encoding")).isEqualTo("UTF8");
    assertThat(query(database, "SELECT upper('ü')")).isEqualTo("Ü");
  }

  @Test
  void closing_leaves_no_server_and_no_directory() throws SQLException {
    PostgresServer other = PostgresServer.start(EMBEDDED::get);
    TestDatabase database = other.createDatabase("other");
    Path directory = directory(database);

    other.close();
    other.close();

    assertThat(directory).doesNotExist();
    assertThatThrownBy(() -> connect(database)).hasMessageContaining("refused");
  }

  @Test
  void a_server_with_the_database_of_a_failed_test_lives_until_the_next_run_starts()
      throws Exception {
    PostgresServer other =
        PostgresServer.start(
            Map.of("sandpiper.database.server", "embedded", "sandpiper.keep-failed", "true")::get);
    TestDatabase kept = other.createDatabase("sp_k_test_1");
    Path directory = directory(kept);

    other.close();
    other.close();

    assertThat(query(kept, "SELECT 'alive'")).isEqualTo("alive");
    try (ServerJvm next = ServerJvm.start(EMBEDDED)) {
      assertThat(query(next.database(), "SELECT 'alive'")).isEqualTo("alive");
      assertThat(directory).doesNotExist();
      assertThatThrownBy(() -> connect(kept)).hasMessageContaining("refused");
    }
  }

  @Test
  void a_killed_jvm_leaves_no_server_and_no_directory() throws Exception {
    try (ServerJvm jvm = ServerJvm.start(EMBEDDED)) {
      Path directory = directory(jvm.database());

      killAndAwaitRemoval(jvm, directory);

      assertThat(directory).doesNotExist();
      assertThatThrownBy(() -> connect(jvm.database())).hasMessageContaining("refused");
    }
  }

  @Test
  void what_a_dead_run_left_is_removed_and_what_a_live_one_uses_is_not() throws Exception {
    try (ServerJvm live = ServerJvm.start(EMBEDDED)) {
      Path left = directory(live.database()).resolveSibling("sandpiper-pg-0-left");
      Files.createDirectory(left);
      Files.createFile(left.resolve("lock"));

      RunDirectory.create().remove();

      assertThat(left).doesNotExist();
      assertThat(query(live.database(), "SELECT 'alive'")).isEqualTo("alive");
    }
  }

  @Test
  @Timeout(60)
  void a_server_that_nobody_keeps_lives_while_its_jvm_does() throws Exception {
    try (ServerJvm live = ServerJvm.start(EMBEDDED)) {
      live.collectGarbage();

      RunDirectory.create().remove();

      assertThat(query(live.database(), "SELECT 'alive'")).isEqualTo("alive");
    }
  }

  @Test
  void the_reason_why_no_database_could_be_made_is_in_the_first_line_of_the_failure() {
    assertThatIllegalStateException()
        .isThrownBy(
            () -> EmbeddedPostgresServer.start(Map.of(), Map.of("locale-provider", "nonsense")))
        .satisfies(
            e ->
                assertThat(e.getMessage().lines().findFirst())
                    .get(STRING)
                    .startsWith("The embedded PostgreSQL could not be started: ")
                    .contains("unrecognized locale provider: nonsense", "initdb", "start Docker"));
  }

  @Test
  void a_configured_server_is_used_as_it_is() throws SQLException {
    TestDatabase database = server.createDatabase("configured");
    Map<String, String> settings =
        Map.of(
            "sandpiper.database.url", database.url(),
            "sandpiper.database.user", database.user(),
            "sandpiper.database.password", "secret");

    try (PostgresServer configured = PostgresServer.start(settings::get)) {
      assertThat(configured.ours()).isFalse();
      assertThat(configured.createDatabase("ignored"))
          .isEqualTo(new TestDatabase(database.url(), database.user(), "secret"));
      assertThat(configured.description())
          .matches("configured PostgreSQL 18\\.\\d+ at " + database.url());
    }

    assertThat(query(database, "SELECT 'still there'")).isEqualTo("still there");
  }

  @Test
  void user_and_password_may_be_part_of_a_configured_url_and_are_shown_nowhere() {
    String url = server.createDatabase("parameters").url();
    Map<String, String> settings =
        Map.of("sandpiper.database.url", url + "?user=postgres&password=secret");

    try (PostgresServer configured = PostgresServer.start(settings::get)) {
      TestDatabase database = configured.createDatabase("ignored");
      assertThat(database.user()).isEqualTo("postgres");
      assertThat(database.password()).isEqualTo("secret");
      assertThat(database + configured.description()).doesNotContain("secret");
    }
  }

  @Test
  void a_configured_url_of_another_kind_is_refused() {
    Map<String, String> settings =
        Map.of("sandpiper.database.url", "postgres://me:secret@host/database");

    assertThatIllegalArgumentException()
        .isThrownBy(() -> PostgresServer.start(settings::get))
        .withMessage(
            "sandpiper.database.url is \"postgres://host/database\", which is no JDBC URL of "
                + "PostgreSQL: write it as jdbc:postgresql://host:port/database");
  }

  @Test
  void a_configured_server_that_does_not_answer_is_an_error_that_names_it() {
    Map<String, String> settings =
        Map.of("sandpiper.database.url", "jdbc:postgresql://127.0.0.1:1/database?password=secret");

    assertThatIllegalStateException()
        .isThrownBy(() -> PostgresServer.start(settings::get))
        .withMessageContainingAll(
            "jdbc:postgresql://127.0.0.1:1/database", "refused", "sandpiper.database.")
        .satisfies(e -> assertThat(e).message().doesNotContain("secret"));
  }

  private static Path directory(TestDatabase database) throws SQLException {
    return Path.of(query(database, "SHOW data_directory"), "..").normalize();
  }

  /** Watches the directory and no process: in a container nobody may reap what outlived its JVM. */
  private static void killAndAwaitRemoval(ServerJvm jvm, Path directory) throws Exception {
    try (WatchService watch = directory.getFileSystem().newWatchService()) {
      directory.resolve("..").normalize().register(watch, StandardWatchEventKinds.ENTRY_DELETE);
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      jvm.kill();
      while (Files.exists(directory)) {
        WatchKey key = watch.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
        assertThat(key).as("%s is removed in time", directory).isNotNull();
        key.pollEvents();
        key.reset();
      }
    }
  }

  private static String query(TestDatabase database, String sql) throws SQLException {
    try (Connection connection = connect(database);
        Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(sql)) {
      assertThat(result.next()).isTrue();
      return result.getString(1);
    }
  }

  private static void execute(TestDatabase database, String sql) throws SQLException {
    try (Connection connection = connect(database);
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private static Connection connect(TestDatabase database) throws SQLException {
    return DriverManager.getConnection(database.url(), database.user(), database.password());
  }
}
