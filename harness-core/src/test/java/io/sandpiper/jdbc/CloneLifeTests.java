package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.SandboxAssertions;
import io.sandpiper.context.Scope;
import io.sandpiper.server.PostgresServer;
import io.sandpiper.server.TestDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How templates and clones come and go, and what happens where they cannot be made. */
class CloneLifeTests {

  private final List<JdbcFixture> opened = new ArrayList<>();

  private JdbcFixture witness;

  @BeforeEach
  void open() throws Exception {
    witness = new JdbcFixture();
  }

  @AfterEach
  void close() throws Exception {
    for (JdbcFixture fixture : opened) {
      fixture.close();
    }
    try (JdbcFixture last = witness) {
      assertThat(last.databasesForTests()).isEmpty();
    }
  }

  private JdbcFixture opened(JdbcFixture fixture) {
    opened.add(fixture);
    return fixture;
  }

  private static String use(JdbcFixture db, Sandbox sandbox) throws Exception {
    return db.in(
        sandbox,
        () -> {
          db.execute("INSERT INTO item (id, name) VALUES (1, 'x')");
          return db.dataSource.databaseName(sandbox);
        });
  }

  private static void eventually(Sandbox waiter, Check check) {
    try (Scope scope = waiter.test().bind()) {
      SandboxAssertions.assertEventually(check::run, Duration.ofSeconds(20));
    }
  }

  private interface Check {
    void run() throws Exception;
  }

  @Test
  void a_database_is_dropped_after_its_test_and_prepared_ones_with_the_data_source()
      throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    Sandbox first = db.open("T.first", Isolation.DATABASE);
    Sandbox second = db.open("T.second", Isolation.DATABASE);
    String used = use(db, first);
    assertThat(use(db, second)).isNotEqualTo(used);
    assertThat(db.databasesForTests()).contains(used);
    db.run.end(first, null);
    eventually(second, () -> assertThat(db.databasesForTests()).doesNotContain(used));
    db.run.end(second, null);
    db.dataSource.close();
    assertThat(db.databasesForTests()).isEmpty();
  }

  @Test
  void a_sandbox_that_outlives_its_data_source_takes_its_database_along() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    Sandbox sandbox = db.open("T.test", Isolation.DATABASE);
    Sandbox waiter = db.open("T.waiter", Isolation.NONE);
    String used = use(db, sandbox);
    db.dataSource.close();
    assertThat(db.databasesForTests()).containsExactly(used);
    db.run.end(sandbox, null);
    eventually(waiter, () -> assertThat(db.databasesForTests()).isEmpty());
    db.run.end(waiter, null);
  }

  @Test
  void a_template_is_used_again_while_its_database_is_the_same() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    Sandbox sandbox = db.open("T.test", Isolation.DATABASE);
    use(db, sandbox);
    List<String> templates = db.templates();
    assertThat(templates).hasSize(1);
    // Sequences, statistics and rolled-back rows do not count.
    try (JdbcFixture again = JdbcFixture.on(db.database)) {
      Sandbox other = again.open("T.other", Isolation.DATABASE);
      use(again, other);
      assertThat(again.templates()).isEqualTo(templates);
      again.run.end(other, null);
    }
    db.run.end(sandbox, null);
  }

  @Test
  void a_template_of_another_content_replaces_the_one_that_nobody_uses() throws Exception {
    JdbcFixture db = new JdbcFixture();
    Sandbox sandbox = db.open("T.test", Isolation.DATABASE);
    use(db, sandbox);
    List<String> before = db.templates();
    db.run.end(sandbox, null);
    db.close();
    JdbcFixture again = opened(JdbcFixture.on(db.database));
    Sandbox.outside(
        () -> {
          again.execute("INSERT INTO item (id, name) VALUES (7, 'new')");
          return null;
        });
    Sandbox other = again.open("T.other", Isolation.DATABASE);
    use(again, other);
    List<Integer> rows = again.in(other, again::ids);
    assertThat(rows).containsExactly(1, 7);
    eventually(other, () -> assertThat(again.templates()).hasSize(1).isNotEqualTo(before));
    again.run.end(other, null);
  }

  @Test
  void what_set_up_commits_later_is_in_the_databases_of_later_tests() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    Sandbox before = db.open("T.before", Isolation.DATABASE);
    use(db, before);
    Sandbox.outside(
        () -> {
          db.execute("INSERT INTO item (id, name) VALUES (5, 'set-up')");
          return null;
        });
    Sandbox after = db.open("T.after", Isolation.DATABASE);
    use(db, after);
    List<Integer> rows = db.in(after, db::ids);
    assertThat(rows).containsExactly(1, 5);
    List<Integer> rowsBefore = db.in(before, db::ids);
    assertThat(rowsBefore).containsExactly(1);
    assertThat(db.templates()).hasSize(1);
    db.run.end(before, null);
    db.run.end(after, null);
  }

  @Test
  void two_runs_on_one_server_leave_each_other_alone() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    Sandbox sandbox = db.open("T.test", Isolation.DATABASE);
    String own = use(db, sandbox);
    try (CloneJvm other = CloneJvm.start(db.database);
        CloneJvm third = CloneJvm.start(db.database)) {
      assertThat(db.databasesForTests()).contains(own, other.database(), third.database());
      assertThat(db.templates()).hasSize(1);
      other.end();
      assertThat(db.databasesForTests())
          .contains(own, third.database())
          .doesNotContain(other.database());
      third.end();
    }
    db.run.end(sandbox, null);
  }

  @Test
  void what_a_killed_run_leaves_the_next_one_drops() throws Exception {
    JdbcFixture before = new JdbcFixture();
    before.close();
    String left;
    try (CloneJvm killed = CloneJvm.start(before.database)) {
      left = killed.database();
    }
    JdbcFixture db = opened(JdbcFixture.on(before.database));
    assertThat(db.databasesForTests()).contains(left);
    Sandbox sandbox = db.open("T.test", Isolation.DATABASE);
    String own = use(db, sandbox);
    eventually(
        sandbox, () -> assertThat(db.databasesForTests()).contains(own).doesNotContain(left));
    db.run.end(sandbox, null);
  }

  @Test
  void whoever_keeps_a_database_from_being_copied_is_named() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    db.pool.setConnectionTimeout(500);
    Properties properties = new Properties();
    properties.setProperty("user", db.database.user());
    properties.setProperty("password", db.database.password());
    properties.setProperty("ApplicationName", "squirrel");
    Sandbox sandbox = db.open("T.test", Isolation.DATABASE);
    try (Connection intruder = DriverManager.getConnection(db.database.url(), properties)) {
      assertThat(intruder.isValid(1)).isTrue();
      assertThatThrownBy(() -> use(db, sandbox))
          .isInstanceOf(SandboxException.class)
          .hasMessageContaining("T.test has no database")
          .hasMessageContaining("application_name squirrel")
          .hasMessageContaining("pid ")
          .hasMessageContaining("Close");
    }
    assertThat(db.databasesForTests()).isEmpty();
    // With the intruder gone it goes on.
    use(db, sandbox);
    db.run.end(sandbox, null);
  }

  @Test
  void the_template_is_made_when_open_transaction_sandboxes_have_ended() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    Sandbox transaction = db.open("T.transaction");
    db.in(transaction, db::ids);
    Sandbox sandbox = db.open("T.test", Isolation.DATABASE);
    Thread ending =
        new Thread(
            () -> {
              Sandbox waiter = db.open("T.waiter", Isolation.NONE);
              eventually(
                  waiter,
                  () ->
                      assertThat(db.run.shared(OpenClones.class, OpenClones::new).isEmpty())
                          .isFalse());
              db.run.end(transaction, null);
              db.run.end(waiter, null);
            });
    ending.start();
    use(db, sandbox);
    ending.join();
    db.run.end(sandbox, null);
  }

  @Test
  void a_role_that_may_not_create_databases_is_told_so() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    JdbcFixture poor = opened(JdbcFixture.on(db.withRole("NOCREATEDB")));
    Sandbox sandbox = poor.open("T.test", Isolation.DATABASE);
    assertThatThrownBy(() -> use(poor, sandbox))
        .isInstanceOf(SandboxException.class)
        .hasMessageContaining("CREATEDB");
    poor.run.end(sandbox, null);
  }

  @Test
  void without_connections_left_a_test_is_told_and_nothing_is_left() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    TestDatabase few = db.withRole("CREATEDB CONNECTION LIMIT 0");
    JdbcFixture poor = opened(JdbcFixture.on(few));
    poor.pool.setConnectionTimeout(500);
    Sandbox sandbox = poor.open("T.test", Isolation.DATABASE);
    assertThatThrownBy(() -> use(poor, sandbox))
        .isInstanceOf(SandboxException.class)
        .hasMessageContaining("T.test has no database")
        .hasMessageContaining("connections");
    poor.run.end(sandbox, null);
    assertThat(db.databasesForTests()).isEmpty();
  }

  @Test
  void many_tests_of_both_isolations_wait_in_turn_for_few_connections() throws Exception {
    try (PostgresServer server =
        PostgresServer.start(Map.of("sandpiper.database.server", "embedded")::get)) {
      TestDatabase few;
      try (JdbcFixture db = JdbcFixture.on(server.createDatabase("few"))) {
        Sandbox.outside(
            () -> {
              db.execute("CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, owner text)");
              return null;
            });
        few = db.withRole("CREATEDB CONNECTION LIMIT 12");
      }
      try (JdbcFixture db = JdbcFixture.on(few)) {
        manyTests(db);
      }
    }
  }

  @Test
  void connections_that_the_harness_does_not_know_of_are_waited_for_too() throws Exception {
    TestDatabase few;
    try (JdbcFixture db = new JdbcFixture()) {
      few = db.withRole("CREATEDB CONNECTION LIMIT 12");
    }
    JdbcFixture db = JdbcFixture.on(few);
    manyTests(db);
    long start = System.nanoTime();
    db.close();
    // Its last connections are given to those who drop databases, who would wait for 30 s
    // otherwise.
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(15));
  }

  /** 60 of each isolation at once. */
  private static void manyTests(JdbcFixture db) throws Exception {
    ExecutorService threads = Executors.newCachedThreadPool();
    try {
      List<Future<List<Integer>>> results = new ArrayList<>();
      for (int i = 0; i < 120; i++) {
        int id = i;
        results.add(threads.submit(() -> oneOfMany(db, id)));
      }
      for (int i = 0; i < results.size(); i++) {
        assertThat(results.get(i).get(2, TimeUnit.MINUTES)).containsExactly(i);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private static List<Integer> oneOfMany(JdbcFixture db, int id) throws Exception {
    Sandbox sandbox =
        db.open("T.many" + id, id % 2 == 0 ? Isolation.DATABASE : Isolation.TRANSACTION);
    try {
      return db.in(
          sandbox,
          () -> {
            db.execute("INSERT INTO item (id, name) VALUES (%d, 'x')".formatted(id));
            return db.ids();
          });
    } finally {
      db.run.end(sandbox, null);
    }
  }

  @Test
  void a_copy_that_the_server_breaks_off_leaves_nothing() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    Sandbox sandbox = db.open("T.test", Isolation.DATABASE);
    FutureTask<Void> breaking = new FutureTask<>(() -> breakOffTheNextCopy(db));
    new Thread(breaking).start();
    eventually(sandbox, () -> assertThat(isBreaking(db)).isTrue());
    assertThatThrownBy(() -> use(db, sandbox))
        .isInstanceOf(SandboxException.class)
        .hasMessageContaining("T.test has no database")
        .hasMessageContaining("user request");
    breaking.get(20, TimeUnit.SECONDS);
    assertThat(db.databasesForTests()).isEmpty();
    use(db, sandbox);
    db.run.end(sandbox, null);
  }

  private static Void breakOffTheNextCopy(JdbcFixture db) throws SQLException {
    db.admin(
        """
        DO $$ BEGIN
          LOOP
            PERFORM pg_stat_clear_snapshot();
            PERFORM pg_cancel_backend(pid) FROM pg_stat_activity
              WHERE query LIKE 'CREATE DATABASE %' AND state = 'active';
            EXIT WHEN FOUND;
          END LOOP;
        END $$
        """);
    return null;
  }

  private static boolean isBreaking(JdbcFixture db) throws SQLException {
    TestDatabase maintenance = db.named("postgres");
    try (Connection connection =
            DriverManager.getConnection(
                maintenance.url(), maintenance.user(), maintenance.password());
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT FROM pg_stat_activity WHERE query LIKE 'DO $$%' AND state = 'active'")) {
      return row.next();
    }
  }

  @Test
  void a_copy_may_take_longer_than_statements_of_the_application() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    TestDatabase owned = db.withRole("CREATEDB");
    db.admin("ALTER ROLE \"%s\" SET statement_timeout = '1ms'".formatted(owned.user()));
    try (Connection connection =
            DriverManager.getConnection(owned.url(), owned.user(), owned.password());
        Maintenance session = Maintenance.on(connection)) {
      session.execute("SELECT pg_sleep(0.05)");
    }
  }

  @Test
  void a_server_that_is_gone_is_named() throws Exception {
    try (PostgresServer server =
        PostgresServer.start(Map.of("sandpiper.database.server", "embedded")::get)) {
      JdbcFixture db = JdbcFixture.on(server.createDatabase("gone"));
      db.pool.setConnectionTimeout(500);
      Sandbox.outside(
          () -> {
            db.execute("CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, owner text)");
            return null;
          });
      Sandbox working = db.open("T.working", Isolation.DATABASE);
      use(db, working);
      server.close();
      assertThatThrownBy(() -> db.in(working, db::ids)).isInstanceOf(SQLException.class);
      db.run.end(working, null);
      db.close();
      JdbcFixture later = JdbcFixture.on(db.database);
      later.pool.setConnectionTimeout(500);
      Sandbox sandbox = later.open("T.test", Isolation.DATABASE);
      assertThatThrownBy(() -> use(later, sandbox))
          .isInstanceOf(SandboxException.class)
          .hasMessageContaining("T.test has no database");
      later.run.end(sandbox, null);
      later.close();
    }
  }

  @Test
  void settings_of_the_database_come_along() throws Exception {
    JdbcFixture db = opened(new JdbcFixture());
    String name = db.name();
    db.admin("ALTER DATABASE \"%s\" SET search_path = 'a b', public".formatted(name));
    Sandbox sandbox = db.open("T.test", Isolation.DATABASE);
    use(db, sandbox);
    String path =
        db.in(
            sandbox,
            () -> {
              try (Connection connection = db.dataSource.getConnection();
                  Statement statement = connection.createStatement();
                  var row = statement.executeQuery("SHOW search_path")) {
                row.next();
                return row.getString(1);
              }
            });
    assertThat(path).isEqualTo("\"a b\", public");
    db.run.end(sandbox, null);
  }

  @Test
  void the_database_of_a_failed_test_is_kept_on_request() throws Exception {
    JdbcFixture db = opened(new JdbcFixture(Map.of("sandpiper.keep-failed", "true")::get));
    Sandbox failing = db.open("T.failing", Isolation.DATABASE);
    Sandbox passing = db.open("T.passing", Isolation.DATABASE);
    Sandbox transaction = db.open("T.transaction");
    use(db, failing);
    String passed = use(db, passing);
    db.in(transaction, db::ids);
    AssertionError failure = new AssertionError("as expected by this test");
    db.run.end(failing, failure);
    db.run.end(passing, null);
    AssertionError other = new AssertionError("as expected by this test");
    db.run.end(transaction, other);
    assertThat(failure.getSuppressed()).hasSize(1);
    String text = failure.getSuppressed()[0].toString();
    assertThat(text).contains("T.failing").containsPattern("psql -h \\S+ -p \\d+ -U \\S+ -d sp_k_");
    String kept = text.replaceAll("(?s).* -d (\\S+) .*", "$1");
    db.dataSource.close();
    try (JdbcFixture looking = JdbcFixture.on(db.named(kept))) {
      assertThat(looking.committed()).containsExactly(1);
    }
    db.admin("DROP DATABASE \"%s\" WITH (FORCE)".formatted(kept));
    assertThat(db.databasesForTests()).doesNotContain(passed).isEmpty();
    assertThat(other.getSuppressed()[0].toString()).contains("Isolation.DATABASE");
  }
}
