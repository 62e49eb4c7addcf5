package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Journal;
import io.sandpiper.Sandbox;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.postgresql.util.PSQLException;

/** Locks that one test holds and another wants. */
class LockTests {

  private static final Duration SHORT = Duration.ofMillis(1_200);
  private static final Duration LONG = Duration.ofSeconds(4);
  private static final String SOON_DEADLOCK = "deadlock_timeout='100ms'";

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final List<Sandbox> opened = new ArrayList<>();
  private @Nullable JdbcFixture fixture;

  /**
   * Opens a database with some rows.
   *
   * @param setting one that all its later connections begin with, or null
   */
  private void open(Duration lockTimeout, @Nullable String setting) throws Exception {
    fixture = locking(lockTimeout, setting);
    outside(
        "INSERT INTO item SELECT n, 'item ' || n FROM generate_series(1, 5) n",
        "CREATE TABLE part (id int PRIMARY KEY, item int REFERENCES item)",
        "CREATE TABLE ticket (code text, UNIQUE (code) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TABLE hibernate_sequences (sequence_name text PRIMARY KEY, next_val bigint)",
        "INSERT INTO hibernate_sequences VALUES ('item', 1)");
  }

  private JdbcFixture db() {
    return Objects.requireNonNull(fixture);
  }

  static JdbcFixture locking(Duration lockTimeout, @Nullable String setting) throws Exception {
    JdbcFixture made =
        new JdbcFixture(
            name -> name.equals("sandpiper.lock-timeout") ? lockTimeout.toMillis() + "ms" : null);
    if (setting != null) {
      made.admin("ALTER DATABASE \"%s\" SET %s".formatted(made.name(), setting));
    }
    return made;
  }

  private void outside(String... statements) throws Exception {
    Sandbox.outside(
        () -> {
          for (String sql : statements) {
            db().execute(sql);
          }
          return null;
        });
  }

  @AfterEach
  void close() throws Exception {
    for (Sandbox sandbox : opened) {
      db().run.end(sandbox, null);
    }
    threads.shutdownNow();
    assertThat(db().committed()).containsExactly(1, 2, 3, 4, 5);
    db().close();
  }

  private Sandbox sandbox(String name) {
    Sandbox sandbox = db().open(name);
    opened.add(sandbox);
    return sandbox;
  }

  private void execute(Sandbox sandbox, String sql, Object... parameters) throws Exception {
    db().in(
            sandbox,
            () -> {
              try (Connection connection = db().dataSource.getConnection();
                  PreparedStatement statement = connection.prepareStatement(sql)) {
                for (int i = 0; i < parameters.length; i++) {
                  statement.setObject(i + 1, parameters[i]);
                }
                statement.execute();
              }
              return null;
            });
  }

  private Future<?> executeLater(Sandbox sandbox, String sql, Object... parameters) {
    return threads.submit(
        () -> {
          execute(sandbox, sql, parameters);
          return null;
        });
  }

  private static SQLException failure(Callable<?> action) {
    try {
      action.call();
    } catch (ExecutionException failed) {
      assertThat(failed.getCause()).isInstanceOf(SQLException.class);
      return (SQLException) Objects.requireNonNull(failed.getCause());
    } catch (Exception failed) {
      assertThat(failed).isInstanceOf(SQLException.class);
      return (SQLException) failed;
    }
    throw new AssertionError("It did not fail");
  }

  private SQLException failure(Sandbox sandbox, String sql, Object... parameters) {
    return failure(
        () -> {
          execute(sandbox, sql, parameters);
          return null;
        });
  }

  private static SQLException failure(Future<?> later) {
    return failure(() -> later.get(30, TimeUnit.SECONDS));
  }

  private static void assertRefused(SQLException failed, String causeState, String... words) {
    assertThat((Throwable) failed)
        .isInstanceOf(SandboxException.class)
        .hasMessageContainingAll(words);
    assertThat(failed.getSQLState()).isEqualTo("SP007");
    assertThat(failed.getCause())
        .isInstanceOfSatisfying(
            SQLException.class, cause -> assertThat(cause.getSQLState()).isEqualTo(causeState));
  }

  private static String nameOf(Sandbox sandbox) {
    return "%s (test id %s)".formatted(sandbox.testName(), sandbox.id());
  }

  private static void await(Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.call()) {
      assertThat(System.nanoTime()).as("20 s are over").isLessThan(deadline);
      LockSupport.parkNanos(1_000_000);
    }
  }

  private void awaitWaiting(int sessions) throws Exception {
    await(
        () ->
            Sandbox.outside(
                () -> {
                  try (Connection connection = db().dataSource.getConnection()) {
                    return InSandbox.value(
                            connection,
                            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                + " AND datname = current_database()")
                        .equals("" + sessions);
                  }
                }));
  }

  private static boolean tells(Sandbox sandbox, String... words) {
    return sandbox.journal().entries().stream()
        .map(Journal.Entry::text)
        .anyMatch(text -> Arrays.stream(words).allMatch(text::contains));
  }

  @Test
  void an_insert_of_a_key_that_another_test_has_inserted_names_that_test_and_the_key()
      throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "INSERT INTO item (id, name) VALUES (?, ?)", 10, "a");
    SQLException failed = failure(b, "INSERT INTO item (id, name) VALUES (?, ?)", 10, "b");
    assertRefused(
        failed,
        "55P03",
        nameOf(b) + " waited 1200 ms for the key (id) of item, unique by item_pkey, held by ",
        "held by " + nameOf(a) + " and did not get it: INSERT INTO item (id, name) VALUES",
        "'10'",
        "T.first: +",
        "INSERT INTO item (id, name) VALUES (?, ?) (1 row)",
        "@Sandboxed(isolation = DATABASE)",
        "canceling statement due to lock timeout");
    execute(b, "INSERT INTO item (id, name) VALUES (11, 'b')");
  }

  @Test
  void an_update_of_a_row_that_another_test_has_updated_names_that_test_and_the_row()
      throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 3");
    SQLException failed = failure(b, "UPDATE item SET owner = ? WHERE id = ?", "b", 3);
    assertRefused(
        failed,
        "55P03",
        "row {\"id\":3,\"name\":\"item 3\",\"owner\":null} of item, held by " + nameOf(a),
        "UPDATE item SET owner = 'a' WHERE id = 3 (1 row)");
    assertThat(tells(b, "waits for row {\"id\":3", "of item", "held by " + nameOf(a))).isTrue();
    assertThat(tells(a, "keeps " + nameOf(b) + " waiting for row {\"id\":3")).isTrue();
  }

  @Test
  void a_row_that_another_test_has_read_for_update_is_named() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "SELECT * FROM item WHERE id = 2 FOR UPDATE");
    SQLException failed = failure(b, "SELECT name FROM item WHERE id = ? FOR UPDATE", 2);
    assertRefused(
        failed, "55P03", "row {\"id\":2,", "of item, held by " + nameOf(a), "WHERE id = ('2'");
  }

  @Test
  void a_row_that_a_foreign_key_points_to_is_named() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "DELETE FROM item WHERE id = 4");
    SQLException failed = failure(b, "INSERT INTO part VALUES (1, 4)");
    assertRefused(
        failed,
        "55P03",
        "row {\"id\":4,",
        "of item, held by " + nameOf(a),
        "INSERT INTO part VALUES (1, 4)",
        "DELETE FROM item WHERE id = 4 (1 row)");
  }

  @Test
  void a_definition_that_waits_for_a_reader_names_it() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.reader");
    Sandbox b = sandbox("T.definer");
    execute(a, "SELECT count(*) FROM item");
    SQLException failed = failure(b, "ALTER TABLE item ADD COLUMN colour text");
    assertRefused(
        failed,
        "55P03",
        "the whole of item (AccessExclusiveLock), held (AccessShareLock) by " + nameOf(a),
        "SELECT count(*) FROM item");
  }

  @Test
  void a_reader_behind_a_definition_is_told_of_the_queue() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.reader");
    Sandbox b = sandbox("T.definer");
    Sandbox c = sandbox("T.late");
    execute(a, "SELECT count(*) FROM item");
    execute(b, "SET lock_timeout='30s'");
    Future<?> definition = executeLater(b, "ALTER TABLE item ADD COLUMN colour text");
    awaitWaiting(1);
    SQLException failed = failure(c, "SELECT count(*) FROM item");
    assertRefused(
        failed,
        "55P03",
        "the whole of item (AccessShareLock), queued behind " + nameOf(b),
        nameOf(b) + " waits itself for the whole of item (AccessExclusiveLock), held",
        "by " + nameOf(a) + ": ALTER TABLE item ADD COLUMN colour text");
    db().run.end(a, null);
    definition.get(30, TimeUnit.SECONDS);
  }

  @Test
  void an_advisory_lock_is_named() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "SELECT pg_advisory_xact_lock(42), pg_advisory_lock(7, 8)");
    assertRefused(
        failure(b, "SELECT pg_advisory_lock(42)"),
        "55P03",
        "advisory lock 42 (ExclusiveLock), held by " + nameOf(a));
    assertRefused(
        failure(b, "SELECT pg_advisory_xact_lock(7, 8)"), "55P03", "advisory lock 7, 8 (");
  }

  @Test
  void who_waits_for_one_that_waits_itself_is_told_the_chain() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    Sandbox c = sandbox("T.third");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    execute(b, "UPDATE item SET owner = 'b' WHERE id = 2");
    execute(b, "SET lock_timeout='30s'");
    Future<?> second = executeLater(b, "UPDATE item SET owner = 'b' WHERE id = 1");
    awaitWaiting(1);
    assertRefused(
        failure(c, "UPDATE item SET owner = 'c' WHERE id = 2"),
        "55P03",
        "row {\"id\":2,\"name\":\"item 2\",\"owner\":null} of item, held by " + nameOf(b),
        nameOf(b) + " waits itself for row {\"id\":1,",
        "of item, held by " + nameOf(a) + ": UPDATE item SET owner = 'b' WHERE id = 1");
    db().run.end(a, null);
    second.get(30, TimeUnit.SECONDS);
  }

  @Test
  void who_queues_for_a_row_behind_another_is_told_who_holds_it() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    Sandbox c = sandbox("T.third");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    execute(b, "SET lock_timeout='30s'");
    Future<?> second = executeLater(b, "UPDATE item SET owner = 'b' WHERE id = 1");
    awaitWaiting(1);
    assertRefused(
        failure(c, "UPDATE item SET owner = 'c' WHERE id = 1"),
        "55P03",
        "row {\"id\":1,",
        "of item (ExclusiveLock), queued behind " + nameOf(b),
        nameOf(b) + " waits itself for row {\"id\":1,",
        "of item, held by " + nameOf(a));
    db().run.end(a, null);
    second.get(30, TimeUnit.SECONDS);
  }

  @Test
  void a_deadlock_of_two_tests_names_both_and_what_each_waits_for() throws Exception {
    open(LONG, SOON_DEADLOCK);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    execute(b, "UPDATE item SET owner = 'b' WHERE id = 2");
    execute(a, "SET deadlock_timeout='1h'");
    Future<?> first = executeLater(a, "UPDATE item SET owner = 'a' WHERE id = 2");
    awaitWaiting(1);
    SQLException failed = failure(b, "UPDATE item SET owner = ? WHERE id = ?", "b", 1);
    assertRefused(
        failed,
        "40P01",
        nameOf(b) + " and " + nameOf(a) + " wait for each other",
        nameOf(b) + " waits for row {\"id\":1,",
        "of item, held by " + nameOf(a),
        nameOf(a) + " waits for row {\"id\":2,",
        "of item, held by " + nameOf(b) + ": UPDATE item SET owner = 'a' WHERE id = 2",
        "deadlock detected");
    db().run.end(b, null);
    first.get(30, TimeUnit.SECONDS);
  }

  @Test
  void a_deadlock_of_three_tests_names_all() throws Exception {
    open(LONG, SOON_DEADLOCK);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    Sandbox c = sandbox("T.third");
    for (Sandbox waits : List.of(a, b)) {
      execute(waits, "SET deadlock_timeout='1h'");
    }
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    execute(b, "UPDATE item SET owner = 'b' WHERE id = 2");
    execute(c, "UPDATE item SET owner = 'c' WHERE id = 3");
    Future<?> first = executeLater(a, "UPDATE item SET owner = 'a' WHERE id = 2");
    Future<?> second = executeLater(b, "UPDATE item SET owner = 'b' WHERE id = 3");
    awaitWaiting(2);
    SQLException failed = failure(c, "UPDATE item SET owner = 'c' WHERE id = 1");
    assertRefused(
        failed,
        "40P01",
        nameOf(c) + " waits for row {\"id\":1,",
        nameOf(a) + " waits for row {\"id\":2,",
        nameOf(b) + " waits for row {\"id\":3,",
        "held by " + nameOf(a),
        "held by " + nameOf(b),
        "held by " + nameOf(c));
    db().run.end(c, null);
    second.get(30, TimeUnit.SECONDS);
    db().run.end(b, null);
    first.get(30, TimeUnit.SECONDS);
  }

  @Test
  void set_up_code_that_holds_a_row_is_described() throws Exception {
    open(SHORT, null);
    Sandbox b = sandbox("T.test");
    try (Connection setUp = db().pool.getConnection();
        Statement statement = setUp.createStatement()) {
      setUp.setClientInfo("ApplicationName", "fixtures");
      setUp.setAutoCommit(false);
      statement.execute("UPDATE item SET owner = 'set-up' WHERE id = 5");
      assertRefused(
          failure(b, "UPDATE item SET owner = 'b' WHERE id = 5"),
          "55P03",
          "row {\"id\":5,",
          "held by a session outside the sandboxes (process ",
          "of application \"fixtures\"",
          "idle in transaction",
          "last statement: UPDATE item SET owner = 'set-up' WHERE id = 5)");
      setUp.rollback();
    }
  }

  @Test
  void a_deadlock_with_a_session_outside_describes_it() throws Exception {
    open(LONG, SOON_DEADLOCK);
    Sandbox b = sandbox("T.test");
    try (Connection outside = db().pool.getConnection();
        Statement statement = outside.createStatement()) {
      outside.setClientInfo("ApplicationName", "worker");
      outside.setAutoCommit(false);
      statement.execute("SET deadlock_timeout='1h'");
      statement.execute("UPDATE item SET owner = 'worker' WHERE id = 1");
      execute(b, "UPDATE item SET owner = 'b' WHERE id = 2");
      Future<?> other =
          threads.submit(() -> statement.execute("UPDATE item SET owner = 'worker' WHERE id = 2"));
      awaitWaiting(1);
      assertRefused(
          failure(b, "UPDATE item SET owner = 'b' WHERE id = 1"),
          "40P01",
          "of application \"worker\"",
          nameOf(b) + " waits for row {\"id\":1,");
      db().run.end(b, null);
      other.get(30, TimeUnit.SECONDS);
      outside.rollback();
    }
  }

  @Test
  void who_gets_the_lock_before_the_time_is_over_goes_on() throws Exception {
    open(LONG, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    Future<?> waiting = executeLater(b, "UPDATE item SET owner = 'b' WHERE id = 1");
    await(() -> tells(b, "waits for row {\"id\":1", "held by " + nameOf(a)));
    assertThat(waiting.isDone()).isFalse();
    db().run.end(a, null);
    waiting.get(30, TimeUnit.SECONDS);
    assertThat(
            db().in(
                    b,
                    () -> {
                      try (Connection connection = db().dataSource.getConnection()) {
                        return InSandbox.value(connection, "SELECT owner FROM item WHERE id = 1");
                      }
                    }))
        .isEqualTo("b");
  }

  @Test
  void a_second_wait_of_one_test_is_not_told_by_the_first() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    Sandbox c = sandbox("T.third");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    execute(b, "UPDATE item SET owner = 'b' WHERE id = 2");
    assertRefused(
        failure(c, "UPDATE item SET owner = 'c' WHERE id = 1"), "55P03", "held by " + nameOf(a));
    SQLException failed = failure(c, "UPDATE item SET owner = 'c' WHERE id = 2");
    assertRefused(failed, "55P03", "row {\"id\":2,", "held by " + nameOf(b));
    assertThat(failed.getMessage()).doesNotContain("T.first");
  }

  @Test
  void one_statement_that_waits_for_two_tests_in_turn_names_the_last() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    Sandbox c = sandbox("T.third");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    execute(b, "UPDATE item SET owner = 'b' WHERE id = 2");
    Future<?> waiting = executeLater(c, "SELECT id FROM item ORDER BY id FOR UPDATE");
    await(() -> tells(c, "held by " + nameOf(a)));
    db().run.end(a, null);
    SQLException failed = failure(waiting);
    assertRefused(failed, "55P03", "row {\"id\":2,", "held by " + nameOf(b));
    assertThat(failed.getMessage()).doesNotContain("T.first");
  }

  @Test
  void a_lock_timeout_that_the_application_sets_stays_its_own() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    execute(b, "SET lock_timeout='1100ms'");
    SQLException failed = failure(b, "UPDATE item SET owner = 'b' WHERE id = 1");
    assertThat((Throwable) failed).isExactlyInstanceOf(PSQLException.class);
    assertThat(failed.getSQLState()).isEqualTo("55P03");
    assertThat(failed.getSuppressed())
        .singleElement()
        .isInstanceOf(SandboxException.class)
        .asString()
        .contains("held by " + nameOf(a));
  }

  @Test
  void a_lock_timeout_that_the_database_sets_stays_the_application_s_own() throws Exception {
    open(LONG, "lock_timeout='150ms'");
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    long start = System.nanoTime();
    SQLException failed = failure(b, "UPDATE item SET owner = 'b' WHERE id = 1");
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(LONG);
    assertThat((Throwable) failed).isExactlyInstanceOf(PSQLException.class);
    assertThat(failed.getSQLState()).isEqualTo("55P03");
  }

  @Test
  void a_lock_timeout_that_a_function_sets_stays_its_own() throws Exception {
    open(LONG, null);
    outside(
        "CREATE FUNCTION take(which int) RETURNS void LANGUAGE sql SET lock_timeout = '150ms'"
            + " AS 'UPDATE item SET owner = ''f'' WHERE id = which'");
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    assertThat((Throwable) failure(b, "SELECT take(1)")).isExactlyInstanceOf(PSQLException.class);
  }

  @Test
  void an_error_of_nowait_stays_what_it_is() throws Exception {
    open(LONG, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    SQLException failed = failure(b, "SELECT * FROM item WHERE id = 1 FOR UPDATE NOWAIT");
    assertThat((Throwable) failed).isExactlyInstanceOf(PSQLException.class);
    assertThat(failed.getSQLState()).isEqualTo("55P03");
    assertThat(failure(b, "LOCK TABLE item IN EXCLUSIVE MODE NOWAIT").getSQLState())
        .isEqualTo("25P01");
  }

  @Test
  void a_batch_that_waits_names_the_other_test_and_its_own_values() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "INSERT INTO item (id, name) VALUES (21, 'a')");
    SQLException failed =
        failure(
            () ->
                db().in(
                        b,
                        () -> {
                          try (Connection connection = db().dataSource.getConnection();
                              PreparedStatement statement =
                                  connection.prepareStatement(
                                      "INSERT INTO item (id, name) VALUES (?, 'b')")) {
                            for (int id = 20; id < 23; id++) {
                              statement.setInt(1, id);
                              statement.addBatch();
                            }
                            return statement.executeBatch();
                          }
                        }));
    assertRefused(failed, "55P03", "the key (id) of item", "held by " + nameOf(a), "'21'");
  }

  @Test
  void a_commit_that_waits_for_a_deferred_key_names_the_other_test() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "INSERT INTO ticket VALUES ('t')");
    SQLException failed =
        failure(
            () ->
                db().in(
                        b,
                        () -> {
                          try (Connection connection = db().dataSource.getConnection()) {
                            connection.setAutoCommit(false);
                            try (Statement statement = connection.createStatement()) {
                              statement.execute("INSERT INTO ticket VALUES ('t')");
                            }
                            connection.commit();
                          }
                          return null;
                        }));
    assertRefused(failed, "55P03", "held by " + nameOf(a), "ticket", "commit()");
  }

  @Test
  void a_table_of_counters_has_a_remedy_of_its_own() throws Exception {
    open(SHORT, null);
    String next =
        "select tbl.next_val from hibernate_sequences tbl where tbl.sequence_name=? for update";
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, next, "item");
    assertRefused(
        failure(b, next, "item"),
        "55P03",
        "row {\"sequence_name\":\"item\",\"next_val\":1} of hibernate_sequences, held by "
            + nameOf(a),
        "GenerationType.TABLE");
  }

  @Test
  void the_end_of_a_test_that_waits_for_a_lock_cancels_its_statement() throws Exception {
    open(Duration.ofSeconds(60), null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    Future<?> waiting = executeLater(b, "UPDATE item SET owner = 'b' WHERE id = 1");
    awaitWaiting(1);
    db().run.end(b, null);
    assertThat(failure(waiting).getSQLState()).isEqualTo("57014");
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21)
  void an_interrupt_of_a_virtual_thread_that_waits_for_a_lock_cancels_its_statement_only()
      throws Exception {
    open(Duration.ofSeconds(60), null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    FutureTask<Void> task =
        new FutureTask<>(
            () -> {
              execute(b, "UPDATE item SET owner = 'b' WHERE id = 1");
              return null;
            });
    Thread waiting =
        (Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task);
    awaitWaiting(1);
    waiting.interrupt();
    assertThat(failure(task).getSQLState()).isEqualTo("57014");
    execute(b, "UPDATE item SET owner = 'b' WHERE id = 2");
  }

  @Test
  void two_pools_that_lead_to_one_server_know_each_other_s_tests() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    String user = "user_" + UUID.randomUUID().toString().substring(0, 8);
    outside("CREATE ROLE %s LOGIN SUPERUSER PASSWORD 'secret'".formatted(user));
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(db().pool.getJdbcUrl());
    config.setUsername(user);
    config.setPassword("secret");
    try (HikariDataSource pool = new HikariDataSource(config);
        SandboxDataSource other = SandboxDataSource.wrap(pool)) {
      db().in(
              a,
              () -> {
                try (Connection connection = other.getConnection();
                    Statement statement = connection.createStatement()) {
                  return statement.execute("UPDATE item SET owner = 'a' WHERE id = 1");
                }
              });
      assertRefused(
          failure(b, "UPDATE item SET owner = 'b' WHERE id = 1"), "55P03", "held by " + nameOf(a));
      assertRefused(
          failure(a, "UPDATE item SET owner = 'a' WHERE id = 1"),
          "55P03",
          "held by " + nameOf(a) + " itself, on its connection of another DataSource");
      db().run.end(a, null);
    }
    outside("DROP ROLE " + user);
  }

  @Test
  void nothing_is_left_of_the_watch_when_no_sandbox_is_open() throws Exception {
    open(SHORT, null);
    Sandbox a = sandbox("T.first");
    Sandbox b = sandbox("T.second");
    execute(a, "UPDATE item SET owner = 'a' WHERE id = 1");
    failure(b, "UPDATE item SET owner = 'b' WHERE id = 1");
    assertThat(watchers()).isPositive();
    db().run.end(a, null);
    db().run.end(b, null);
    await(() -> watchers() == 0);
    execute(sandbox("T.third"), "SELECT 1");
    assertThat(watchers()).isPositive();
  }

  private static long watchers() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals(LockWatch.THREAD))
        .count();
  }

  @Test
  void many_that_wait_at_once_each_learn_who_holds_their_row() throws Exception {
    open(Duration.ofSeconds(2), null);
    List<Sandbox> holders = new ArrayList<>();
    for (int id = 1; id <= 5; id++) {
      Sandbox holder = sandbox("T.holder" + id);
      execute(holder, "UPDATE item SET owner = 'h' WHERE id = ?", id);
      holders.add(holder);
    }
    CountDownLatch start = new CountDownLatch(1);
    List<Future<?>> waiting = new ArrayList<>();
    for (int id = 1; id <= 5; id++) {
      Sandbox waiter = sandbox("T.waiter" + id);
      int row = id;
      waiting.add(
          threads.submit(
              () -> {
                start.await();
                execute(waiter, "UPDATE item SET owner = 'w' WHERE id = ?", row);
                return null;
              }));
    }
    start.countDown();
    for (int id = 1; id <= 5; id++) {
      assertRefused(
          failure(waiting.get(id - 1)),
          "55P03",
          "row {\"id\":" + id,
          "held by " + nameOf(holders.get(id - 1)));
    }
  }
}
