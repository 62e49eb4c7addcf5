package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LeakCheckTests {

  private final AtomicBoolean settingUp = new AtomicBoolean();
  private Run run;
  private JdbcFixture db;
  private HikariDataSource pool;
  private SandboxDataSource dataSource;

  @BeforeEach
  void open() throws Exception {
    db = new JdbcFixture();
    pool = db.pool;
    run = db.run;
    dataSource =
        SandboxDataSource.wrap(
            pool,
            new SandboxDataSource.Rules(
                Unowned.REFUSE,
                true,
                settingUp::get,
                Duration.ofSeconds(10),
                CloneSettings.of(name -> null)),
            run);
    setUp("CREATE TABLE plain (id int)");
  }

  @AfterEach
  void close() throws Exception {
    dataSource.close();
    db.close();
  }

  private Sandbox sandbox(String name, Isolation isolation) {
    return run.open(Sandbox.Settings.of(name, isolation, this));
  }

  private Sandbox sandbox(String name) {
    return sandbox(name, Isolation.TRANSACTION);
  }

  private void in(Sandbox sandbox, int id) throws Exception {
    db.in(
        sandbox,
        () -> {
          try (Connection connection = dataSource.getConnection()) {
            insert(connection, id);
          }
          return null;
        });
  }

  private void execute(String sql) throws SQLException {
    try (Connection connection = dataSource.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private void setUp(String sql) throws Exception {
    Sandbox.outside(
        () -> {
          execute(sql);
          return null;
        });
  }

  /** Past the harness. */
  private void leak(String sql) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(pool.getJdbcUrl(), pool.getUsername(), pool.getPassword());
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  @Test
  void sandboxes_that_roll_back_leave_nothing_to_report() throws Exception {
    for (int i = 0; i < 3; i++) {
      Sandbox sandbox = sandbox("L.test");
      in(sandbox, i);
      run.end(sandbox, null);
    }
    run.verify();
  }

  @Test
  void rows_of_the_driver_manager_are_reported_once_with_the_tests_and_the_remedies()
      throws Exception {
    setUp("INSERT INTO item VALUES (1, 'set up', null)");
    Sandbox one = sandbox("L.one");
    Sandbox other = sandbox("L.other");
    in(one, 2);
    leak("INSERT INTO item SELECT n, 'leaked', 'o' FROM generate_series(10, 13) n");
    in(other, 3);
    run.end(one, null);
    run.end(other, null);
    assertThatThrownBy(run::verify)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("Rows have outlived the sandboxes: database ")
        .hasMessageContaining("public.item: 1 rows before, 5 now, 4 newer: {\"id\":10")
        .hasMessageContaining("\"name\":\"leaked\"")
        .hasMessageContaining("{\"id\":12")
        .hasMessageNotContaining("{\"id\":13")
        .hasMessageContaining("Tests that may have done it: L.one, L.other.")
        .hasMessageContaining("Sandbox.outside(…)")
        .hasMessageContaining("sandpiper.leak-check=false")
        .hasMessageNotContaining("plain");
    run.verify();
  }

  @Test
  void rows_that_a_sandbox_writes_through_dblink_are_reported() throws Exception {
    setUp("CREATE EXTENSION dblink");
    Destination destination =
        Objects.requireNonNull(
            Destination.of(pool.getJdbcUrl(), pool.getUsername(), new Properties(), ""));
    String[] server = destination.server().split(":");
    Sandbox sandbox = sandbox("L.linked");
    db.in(
        sandbox,
        () -> {
          execute(
              ("SELECT dblink_exec('host=%s port=%s dbname=%s user=%s password=%s',"
                      + " 'INSERT INTO plain VALUES (7)')")
                  .formatted(
                      server[0],
                      server[1],
                      destination.database(),
                      destination.user(),
                      pool.getPassword()));
          return null;
        });
    run.end(sandbox, null);
    assertThatThrownBy(run::verify)
        .hasMessageContaining("public.plain: 0 rows before, 1 now, 1 newer: {\"id\":7}")
        .hasMessageContaining("L.linked");
  }

  /** Another process. */
  static final class Writer {
    public static void main(String... arguments) throws SQLException {
      try (Connection connection =
              DriverManager.getConnection(arguments[0], arguments[1], arguments[2]);
          Statement statement = connection.createStatement()) {
        statement.execute("INSERT INTO plain VALUES (8)");
      }
    }
  }

  @Test
  void rows_of_another_process_are_reported_also_by_the_next_set_up() throws Exception {
    Sandbox sandbox = sandbox("L.worker");
    Process worker =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Writer.class.getName(),
                pool.getJdbcUrl(),
                pool.getUsername(),
                pool.getPassword())
            .inheritIO()
            .start();
    assertThat(worker.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(worker.exitValue()).isZero();
    run.end(sandbox, null);
    setUp("INSERT INTO plain VALUES (9)");
    assertThatThrownBy(run::verify)
        .hasMessageContaining("public.plain: 0 rows before, 1 now, 1 newer: {\"id\":8}");
  }

  @Test
  void changed_and_deleted_rows_and_tables_are_reported() throws Exception {
    setUp("INSERT INTO item SELECT n, 'set up', null FROM generate_series(1, 3) n");
    setUp("INSERT INTO plain VALUES (1)");
    Sandbox sandbox = sandbox("L.test");
    leak("UPDATE item SET name = 'changed' WHERE id = 2");
    leak("DELETE FROM plain");
    leak("CREATE TABLE extra (id int)");
    run.end(sandbox, null);
    assertThatThrownBy(run::verify)
        .hasMessageContaining("public.item: 3 rows before, 3 now, 1 newer: {\"id\":2")
        .hasMessageContaining("public.plain: 1 rows before, 0 now, some were deleted")
        .hasMessageContaining("public.extra: the table is new");
    Sandbox next = sandbox("L.next");
    leak("DROP TABLE extra");
    run.end(next, null);
    assertThatThrownBy(run::verify).hasMessageContaining("public.extra: the table is gone");
  }

  @Test
  void set_up_between_and_during_sandboxes_is_not_reported() throws Exception {
    setUp("INSERT INTO plain VALUES (1)");
    Sandbox one = sandbox("L.one");
    in(one, 1);
    setUp("INSERT INTO plain VALUES (2)");
    Sandbox none = sandbox("L.none", Isolation.NONE);
    in(none, 5);
    run.end(none, null);
    Sandbox other = sandbox("L.other");
    in(other, 2);
    setUp("CREATE TABLE later (id int)");
    run.end(one, null);
    settingUp.set(true);
    execute("DELETE FROM item");
    leak("INSERT INTO plain VALUES (3)");
    settingUp.set(false);
    run.end(other, null);
    run.verify();
  }

  @Test
  void a_leak_while_a_sandbox_outlives_set_up_is_reported() throws Exception {
    Sandbox one = sandbox("L.one");
    setUp("INSERT INTO plain VALUES (2)");
    leak("INSERT INTO plain VALUES (3)");
    run.end(one, null);
    assertThatThrownBy(run::verify).hasMessageContaining("1 newer: {\"id\":3}");
  }

  @Test
  void a_table_that_a_sandbox_has_locked_is_left_out_and_waited_for_by_nobody() throws Exception {
    Sandbox one = sandbox("L.one");
    db.in(
        one,
        () -> {
          execute("ALTER TABLE plain ADD COLUMN extra int");
          return null;
        });
    setUp("INSERT INTO item VALUES (1, 'set up', null)");
    Sandbox other = sandbox("L.other");
    leak("INSERT INTO item VALUES (2, 'leaked', null)");
    run.end(one, null);
    run.end(other, null);
    assertThatThrownBy(run::verify).hasMessageContaining("public.item: 1 rows before, 2 now");
  }

  @Test
  void a_data_source_that_closes_is_looked_at_before() throws Exception {
    Sandbox sandbox = sandbox("L.test");
    leak("INSERT INTO plain VALUES (3)");
    run.end(sandbox, null);
    dataSource.close();
    leak("INSERT INTO plain VALUES (4)");
    assertThatThrownBy(run::verify).hasMessageContaining("0 rows before, 1 now");
  }

  @Test
  void set_up_and_sandboxes_of_many_threads_report_nothing_and_one_leak_among_them_is_found()
      throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    AtomicInteger ids = new AtomicInteger();
    try {
      assertThat(mixed(threads, ids, false)).isNull();
      assertThat(mixed(threads, ids, true)).isNotNull().hasMessageContaining("-1");
    } finally {
      threads.shutdownNow();
    }
  }

  private @Nullable AssertionError mixed(
      ExecutorService threads, AtomicInteger ids, boolean leaking) throws Exception {
    Sandbox lasting = sandbox("L.lasting");
    List<Future<?>> steps = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      boolean setsUp = i % 3 == 0;
      Callable<Void> step =
          () -> {
            if (setsUp) {
              setUp("INSERT INTO plain VALUES (%d)".formatted(ids.incrementAndGet()));
            } else {
              Sandbox sandbox = sandbox("L.short");
              in(sandbox, ids.incrementAndGet());
              try (Scope scope = lasting.test().bind()) {
                execute("SELECT count(*) FROM item");
              }
              run.end(sandbox, null);
            }
            return null;
          };
      steps.add(threads.submit(step));
    }
    for (Future<?> step : steps) {
      step.get(60, TimeUnit.SECONDS);
    }
    if (leaking) {
      leak("INSERT INTO plain VALUES (-1)");
    }
    run.end(lasting, null);
    try {
      run.verify();
      return null;
    } catch (AssertionError found) {
      return found;
    }
  }
}
