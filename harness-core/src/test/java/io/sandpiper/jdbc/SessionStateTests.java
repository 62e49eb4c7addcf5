package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Sandbox;
import io.sandpiper.server.TestDatabase;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.PGConnection;

/** What a test leaves in the session of its physical connection does not reach the next test. */
class SessionStateTests extends InSandbox {

  /** All that can be seen of a session, but its sequences' last values. */
  private static final String STATE =
      "SELECT concat_ws('|',"
          + " (SELECT string_agg(name || '=' || setting, ',' ORDER BY name) FROM pg_settings"
          + "   WHERE context = 'user' AND source = 'session'),"
          + " (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype ="
          + " 'advisory'),"
          + " (SELECT count(*) FROM pg_prepared_statements WHERE from_sql),"
          + " (SELECT count(*) FROM pg_listening_channels()),"
          + " (SELECT count(*) FROM pg_cursors WHERE is_holdable),"
          + " (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()),"
          + " current_user, current_schema())";

  private record Seen(int backend, String state) {}

  private Seen seen() throws Exception {
    Sandbox fresh = db.open("T.fresh");
    Seen seen =
        db.in(
            fresh,
            () -> {
              try (Connection connection = connection()) {
                return new Seen(
                    connection.unwrap(PGConnection.class).getBackendPID(),
                    value(connection, STATE));
              }
            });
    db.run.end(fresh, null);
    return seen;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SET work_mem = '1MB'",
        "SET search_path = pg_catalog",
        "SET TIME ZONE 'Asia/Tokyo'",
        "SET application_name = 'other'",
        "SET ROLE pg_monitor",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "CREATE TEMPORARY TABLE temporary_one (id int)",
        "SELECT pg_advisory_lock(42)",
        "SELECT pg_try_advisory_lock_shared(42)",
        "DO $$ BEGIN PERFORM pg_advisory_lock(43); END $$",
        "SELECT takes_a_lock()",
        "PREPARE by_sql AS SELECT 1",
        "DECLARE held CURSOR WITH HOLD FOR SELECT 1",
        "SELECT set_config('work_mem', '2MB', false)"
      })
  void nothing_is_left(String sql) throws Exception {
    setUp(
        "CREATE FUNCTION takes_a_lock() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_lock(7)'");
    Seen before = seen();
    Sandbox one = db.open("T.one");
    inside(
        one,
        () -> {
          try (Connection connection = transaction()) {
            value(connection, "SELECT 1");
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
              statement.execute();
            }
            connection.commit();
          }
        });
    db.run.end(one, null);
    assertThat(seen().state()).isEqualTo(before.state());
  }

  @Test
  void plans_of_the_driver_survive_and_the_connection_is_used_again() throws Exception {
    Seen before = seen();
    String plans = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%planned%'";
    for (int i = 0; i < 8; i++) {
      Sandbox one = db.open("T.one");
      inside(
          one,
          () -> {
            try (Connection connection = connection();
                PreparedStatement planned = connection.prepareStatement("SELECT 1 AS planned")) {
              planned.execute();
            }
          });
      db.run.end(one, null);
    }
    assertThat(seen().backend()).isEqualTo(before.backend());
    inside(() -> assertThat(Integer.parseInt(value(plans))).isPositive());
  }

  @Test
  void a_type_that_each_test_defines_anew_is_each_time_its_own() throws Exception {
    for (int i = 0; i < 3; i++) {
      Sandbox one = db.open("T.types");
      inside(
          one,
          () -> {
            db.execute("CREATE TYPE mood AS ENUM ('good', 'bad')");
            try (Connection connection = connection();
                PreparedStatement statement =
                    connection.prepareStatement("SELECT ?::mood, ARRAY['good']::mood[]")) {
              statement.setString(1, "good");
              try (var row = statement.executeQuery()) {
                row.next();
                assertThat(row.getObject(1)).isEqualTo("good");
                assertThat((Object[]) row.getArray(2).getArray()).containsExactly("good");
              }
            }
          });
      db.run.end(one, null);
    }
  }

  @Test
  void what_the_driver_itself_is_set_to_does_not_leak() throws Exception {
    Sandbox one = db.open("T.one");
    inside(
        one,
        () -> {
          try (Connection connection = connection()) {
            PGConnection driver = connection.unwrap(PGConnection.class);
            driver.setPrepareThreshold(1);
            driver.setDefaultFetchSize(7);
            assertThatThrownBy(() -> driver.setAutosave(org.postgresql.jdbc.AutoSave.ALWAYS))
                .hasMessageContaining("isolation = DATABASE");
            connection.setHoldability(java.sql.ResultSet.HOLD_CURSORS_OVER_COMMIT);
            connection.setNetworkTimeout(Runnable::run, 1234);
            connection.setSchema("pg_catalog");
            assertThat(value(connection, "SELECT current_schema()")).isEqualTo("pg_catalog");
          }
        });
    db.run.end(one, null);
    inside(
        () -> {
          try (Connection connection = connection()) {
            PGConnection driver = connection.unwrap(PGConnection.class);
            assertThat(driver.getPrepareThreshold()).isEqualTo(5);
            assertThat(driver.getDefaultFetchSize()).isZero();
            assertThat(connection.getNetworkTimeout()).isZero();
            assertThat(connection.getSchema()).isEqualTo("public");
          }
        });
  }

  /** Tenants by schema, each thread another one, with rollbacks that undo what was set. */
  @Test
  void each_connection_has_the_schema_that_it_asked_for() throws Exception {
    setUp(
        "CREATE SCHEMA east",
        "CREATE SCHEMA west",
        "CREATE TABLE east.here (id int)",
        "CREATE TABLE west.here (id int)");
    List<String> wrong = Collections.synchronizedList(new ArrayList<>());
    Random random = new Random();
    List<Future<?>> steps = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      String schema = random.nextBoolean() ? "east" : "west";
      boolean commit = random.nextBoolean();
      boolean late = random.nextBoolean();
      steps.add(onAnotherThread(() -> inSchema(schema, commit, late, wrong)));
    }
    for (Future<?> step : steps) {
      step.get(30, TimeUnit.SECONDS);
    }
    assertThat(wrong).isEmpty();
    inside(() -> assertThat(value("SELECT current_schema()")).isEqualTo("public"));
  }

  private void inSchema(String schema, boolean commit, boolean late, List<String> wrong)
      throws Exception {
    try (Connection connection = transaction()) {
      if (late) {
        value(connection, "SELECT 1");
      }
      connection.setSchema(schema);
      String used =
          value(connection, "INSERT INTO here VALUES (1) RETURNING tableoid::regclass::text");
      String path = value(connection, "SELECT current_schema()");
      if (!path.equals(schema) || !used.equals("here")) {
        wrong.add(schema + " was " + path + ", " + used);
      }
      if (commit) {
        connection.commit();
      } else {
        connection.rollback();
      }
    }
  }

  @Test
  void many_autocommit_statements_pile_nothing_up_in_the_server() throws Exception {
    inside(
        () -> {
          for (int i = 0; i < 2_000; i++) {
            insert(connection(), i);
          }
          assertThat(
                  Integer.parseInt(
                      value("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()")))
              .isLessThan(100);
        });
  }

  @Test
  void read_only_transactions_are_and_end() throws Exception {
    inside(
        () -> {
          try (Connection connection = connection()) {
            connection.setReadOnly(true);
            connection.setAutoCommit(false);
            assertThat(value(connection, "SELECT count(*) FROM item")).isEqualTo("0");
            assertThatThrownBy(() -> insert(connection, 1))
                .isInstanceOfSatisfying(
                    SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("25006"));
            connection.rollback();
            value(connection, "SELECT 1");
            connection.commit();
            connection.setReadOnly(false);
            insert(connection, 1);
            connection.commit();
          }
          try (Connection connection = transaction()) {
            run(connection, "SET TRANSACTION READ ONLY");
            assertThatThrownBy(() -> insert(connection, 2)).isInstanceOf(SQLException.class);
            connection.rollback();
          }
          insert(connection(), 2);
        });
  }

  @Test
  void a_stronger_isolation_is_explained_once() throws Exception {
    inside(
        () -> {
          for (int i = 0; i < 2; i++) {
            try (Connection connection = transaction()) {
              connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
              assertThat(connection.getTransactionIsolation())
                  .isEqualTo(Connection.TRANSACTION_SERIALIZABLE);
              insert(connection, i);
              connection.commit();
            }
          }
        });
    assertThat(sandbox.journal().toString())
        .containsOnlyOnce("SERIALIZABLE was asked for")
        .contains("DATABASE");
  }

  @Test
  void a_connection_that_cannot_begin_is_not_kept() throws Exception {
    TestDatabase database = db.withRole("");
    setUp("REVOKE SELECT ON pg_proc FROM PUBLIC");
    try (HikariDataSource pool = new HikariDataSource()) {
      pool.setJdbcUrl(database.url());
      pool.setUsername(database.user());
      pool.setPassword(database.password());
      SandboxDataSource dataSource = SandboxDataSource.wrap(pool);
      for (int i = 0; i < 3; i++) {
        inside(
            () ->
                assertThatThrownBy(() -> insert(dataSource.getConnection(), 1))
                    .hasMessageContaining("permission denied"));
      }
      setUp("GRANT SELECT ON pg_proc TO PUBLIC");
      inside(() -> insert(dataSource.getConnection(), 1));
      Sandbox.outside(
          () -> {
            assertThat(
                    value(
                        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND"
                            + " datname = current_database()"))
                .isEqualTo("1");
            return null;
          });
      db.run.end(sandbox, null);
      dataSource.close();
    }
  }
}
