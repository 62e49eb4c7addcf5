package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.ids;
import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Sandbox;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLClientInfoException;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.PGConnection;

class TransactionSandboxTests extends InSandbox {

  @Test
  void a_connection_without_a_statement_touches_neither_pool_nor_server() throws Exception {
    inside(
        () -> {
          try (Connection connection = connection()) {
            connection.setAutoCommit(false);
            connection.setReadOnly(true);
            connection.commit();
            assertThat(connection.isValid(1)).isTrue();
          }
        });
    try (Connection unowned = connection()) {
      assertThat(unowned.isValid(1)).isTrue();
    }
    assertThat(db.pool.getHikariPoolMXBean().getActiveConnections()).isZero();
  }

  @Test
  void all_threads_of_a_test_see_its_rows_and_no_other_test_does() throws Exception {
    Sandbox other = db.open("T.other");
    inside(() -> insert(connection(), 1));
    onAnotherThread(() -> insert(connection(), 2)).get();
    inside(() -> assertThat(db.ids()).containsExactly(1, 2));
    List<Integer> seen = db.in(other, db::ids);
    assertThat(seen).isEmpty();
    db.run.end(other, null);
  }

  @Test
  void a_statement_that_fails_takes_only_itself_along() throws Exception {
    inside(
        () -> {
          try (Connection connection = connection()) {
            insert(connection, 1);
            assertThatThrownBy(() -> insert(connection, 1))
                .isInstanceOfSatisfying(
                    SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("23505"));
            insert(connection, 2);
            assertThat(ids(connection)).containsExactly(1, 2);
          }
        });
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void an_error_leaves_an_application_transaction_failed_until_its_rollback(boolean atOnce)
      throws Exception {
    inside(
        () -> {
          insert(connection(), 1);
          try (Connection connection = connection()) {
            connection.setAutoCommit(false);
            if (!atOnce) {
              insert(connection, 2);
            }
            assertThatThrownBy(() -> insert(connection, 1)).isInstanceOf(SQLException.class);
            assertThatThrownBy(() -> insert(connection, 3))
                .isInstanceOfSatisfying(
                    SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("25P02"));
            connection.rollback();
            assertThat(ids(connection)).containsExactly(1);
            insert(connection, 4);
            connection.commit();
          }
          assertThat(db.ids()).containsExactly(1, 4);
        });
  }

  @Test
  void an_error_that_never_reached_the_server_leaves_the_transaction_as_it_is() throws Exception {
    inside(
        () -> {
          insert(connection(), 1);
          try (Connection connection = connection()) {
            connection.setAutoCommit(false);
            try (PreparedStatement missing =
                connection.prepareStatement("INSERT INTO item (id, name) VALUES (?, 'x')")) {
              assertThatThrownBy(missing::executeUpdate).isInstanceOf(SQLException.class);
            }
            connection.rollback();
            assertThat(ids(connection)).containsExactly(1);
            connection.commit();
          }
        });
  }

  @Test
  void an_empty_batch_before_a_rollback_takes_nothing_along() throws Exception {
    inside(
        () -> {
          insert(connection(), 1);
          try (Connection connection = connection();
              Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            assertThat(statement.executeBatch()).isEmpty();
            connection.rollback();
          }
          assertThat(db.ids()).containsExactly(1);
        });
  }

  @Test
  void closing_a_connection_rolls_its_transaction_back_and_closes_its_statements()
      throws Exception {
    inside(
        () -> {
          Connection connection = connection();
          connection.setAutoCommit(false);
          Statement statement = connection.createStatement();
          statement.execute("INSERT INTO item (id, name) VALUES (1, 'x')");
          connection.close();
          assertThat(statement.isClosed()).isTrue();
          assertThat(db.ids()).isEmpty();
          assertThatThrownBy(connection::createStatement).hasMessageContaining("closed");
        });
  }

  @Test
  void transactions_nest_on_a_thread_last_in_first_out() throws Exception {
    inside(
        () -> {
          try (Connection outer = connection();
              Connection inner = connection()) {
            outer.setAutoCommit(false);
            insert(outer, 1);
            inner.setAutoCommit(false);
            insert(inner, 2);
            inner.rollback();
            insert(inner, 3);
            inner.commit();
            insert(connection(), 4);
            assertThatThrownBy(() -> insert(connection(), 4)).isInstanceOf(SQLException.class);
            insert(outer, 5);
            assertThat(ids(outer)).containsExactly(1, 3, 4, 5);
            outer.commit();
          }
          assertThat(db.ids()).containsExactly(1, 3, 4, 5);
        });
  }

  @Test
  void an_outer_transaction_that_rolls_back_undoes_exactly_its_own_start() throws Exception {
    inside(
        () -> {
          insert(connection(), 1);
          try (Connection outer = connection()) {
            outer.setAutoCommit(false);
            insert(outer, 2);
            db.ids();
            outer.rollback();
          }
          assertThat(db.ids()).containsExactly(1);
        });
  }

  @Test
  void two_transactions_in_turn_on_one_thread_are_refused() throws Exception {
    inside(
        () -> {
          try (Connection outer = connection();
              Connection inner = connection()) {
            outer.setAutoCommit(false);
            inner.setAutoCommit(false);
            insert(outer, 1);
            insert(inner, 2);
            assertThatThrownBy(() -> insert(outer, 3))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("End the inner transaction first");
            inner.commit();
            insert(outer, 3);
            outer.commit();
          }
          assertThat(db.ids()).containsExactly(1, 2, 3);
        });
  }

  @Test
  void savepoints_of_the_application_work() throws Exception {
    inside(
        () -> {
          try (Connection connection = connection()) {
            connection.setAutoCommit(false);
            Savepoint first = connection.setSavepoint();
            insert(connection, 1);
            Savepoint named = connection.setSavepoint("here");
            insert(connection, 2);
            connection.rollback(named);
            connection.releaseSavepoint(first);
            connection.commit();
            assertThat(ids(connection)).containsExactly(1);
            connection.rollback();
          }
          assertThat(db.ids()).containsExactly(1);
        });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "COMMIT",
        "commit work",
        "SELECT 1; COMMIT",
        "/* x */ ROLLBACK",
        "-- x\nEND",
        "BEGIN",
        "START TRANSACTION",
        "PREPARE TRANSACTION 'x'",
        "INSERT INTO item VALUES (1, 'a;b', null); ABORT"
      })
  void transaction_control_as_text_is_refused_before_it_is_sent(String sql) throws Exception {
    inside(
        () -> {
          assertThatThrownBy(() -> db.execute(sql))
              .isInstanceOf(SandboxException.class)
              .hasMessageContaining("commit() and rollback()");
          assertThat(db.ids()).isEmpty();
        });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT 'COMMIT'",
        "SELECT 1 AS \"COMMIT\"",
        "SELECT $$; COMMIT;$$",
        "SELECT $a$; COMMIT;$a$",
        "SELECT E'\\'; COMMIT'",
        "SELECT 1 /* ; COMMIT /* ; */ ; */",
        "PREPARE p AS SELECT 1",
        "SELECT CASE WHEN true THEN 1 END"
      })
  void text_that_only_looks_like_transaction_control_is_sent(String sql) throws Exception {
    inside(() -> db.execute(sql));
  }

  @Test
  void keys_batches_results_and_large_reads_work_as_ever() throws Exception {
    inside(
        () -> {
          try (Connection connection = connection()) {
            db.execute("CREATE TABLE seq (id serial, name text)");
            try (PreparedStatement insert =
                connection.prepareStatement(
                    "INSERT INTO seq (name) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
              for (int i = 0; i < 3; i++) {
                insert.setString(1, "n" + i);
                insert.addBatch();
              }
              assertThat(insert.executeBatch()).containsExactly(1, 1, 1);
              try (ResultSet keys = insert.getGeneratedKeys()) {
                assertThat(keys.next()).isTrue();
                assertThat(keys.getInt(1)).isEqualTo(1);
              }
            }
            try (Statement read = connection.createStatement()) {
              read.setFetchSize(10);
              assertThat(read.getFetchSize()).isEqualTo(10);
              try (ResultSet rows = read.executeQuery("SELECT generate_series(1, 1000)")) {
                insert(connection(), 1);
                int count = 0;
                while (rows.next()) {
                  count++;
                }
                assertThat(count).isEqualTo(1000);
                assertThat(rows.getStatement()).isSameAs(read);
                assertThat(read.getConnection()).isSameAs(connection);
              }
            }
            assertThat(connection.getMetaData().getDatabaseProductName()).isEqualTo("PostgreSQL");
            assertThat(connection.unwrap(PGConnection.class).getBackendPID()).isPositive();
          }
        });
  }

  @Test
  void hundreds_of_statements_leave_no_savepoints_behind() throws Exception {
    inside(
        () -> {
          for (int i = 1; i <= 300; i++) {
            insert(connection(), i);
          }
          try (Connection connection = connection();
              Statement statement = connection.createStatement();
              ResultSet locks =
                  statement.executeQuery(
                      "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()"
                          + " AND locktype = 'transactionid'")) {
            locks.next();
            assertThat(locks.getInt(1)).isLessThan(60);
          }
        });
  }

  @Test
  void a_transaction_makes_other_threads_wait_and_then_they_go_on() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    inside(
        () -> {
          Connection connection = connection();
          connection.setAutoCommit(false);
          insert(connection, 1);
          Future<?> other =
              onAnotherThread(
                  () -> {
                    asked.countDown();
                    insert(connection(), 2);
                  });
          assertThat(asked.await(5, TimeUnit.SECONDS)).isTrue();
          connection.rollback();
          other.get(5, TimeUnit.SECONDS);
          assertThat(db.ids()).containsExactly(2);
          connection.close();
        });
  }

  @Test
  void two_hundred_threads_share_one_sandbox() throws Exception {
    List<Future<?>> all = new ArrayList<>();
    for (int thread = 0; thread < 200; thread++) {
      int id = thread;
      all.add(
          onAnotherThread(
              () -> {
                try (Connection connection = connection()) {
                  connection.setAutoCommit(id % 2 == 0);
                  insert(connection, id);
                  if (id % 2 == 1) {
                    insert(connection, 1000 + id);
                    if (id % 4 == 1) {
                      connection.commit();
                    } else {
                      connection.rollback();
                    }
                  }
                }
              }));
    }
    for (Future<?> one : all) {
      one.get(60, TimeUnit.SECONDS);
    }
    inside(() -> assertThat(db.ids()).hasSize(100 + 50 * 2));
  }

  @Test
  void sandboxes_hold_connections_beside_those_of_the_pool() throws Exception {
    List<Sandbox> many = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      Sandbox one = db.open("T.many" + i);
      int id = i;
      many.add(one);
      db.in(
          one,
          () -> {
            insert(connection(), id);
            return null;
          });
    }
    assertThat(db.pool.getHikariPoolMXBean().getActiveConnections()).isZero();
    many.forEach(one -> db.run.end(one, null));
  }

  @Test
  void whatever_comes_after_the_end_is_refused_and_named() throws Exception {
    Sandbox ended = db.open("T.ended");
    Connection kept =
        db.in(
            ended,
            () -> {
              Connection connection = connection();
              insert(connection, 1);
              return connection;
            });
    PreparedStatement prepared = db.in(ended, () -> kept.prepareStatement("SELECT 1"));
    PGConnection driver = db.in(ended, () -> kept.unwrap(PGConnection.class));
    db.run.end(ended, null);

    assertThatThrownBy(prepared::executeQuery)
        .isInstanceOf(SandboxEndedException.class)
        .hasMessageContaining("T.ended");
    assertThatThrownBy(kept::createStatement).isInstanceOf(SandboxEndedException.class);
    assertThatThrownBy(driver::getBackendPID)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("T.ended")
        .hasCauseInstanceOf(SandboxEndedException.class);
    assertThat(kept.isValid(1)).isFalse();
    kept.close();
    assertThatThrownBy(() -> kept.setClientInfo("ApplicationName", "late"))
        .isInstanceOf(SQLClientInfoException.class)
        .hasMessageContaining("closed");
    assertThatThrownBy(() -> db.in(ended, db::ids)).isInstanceOf(SandboxEndedException.class);
    Sandbox fresh = db.open("T.without_sql");
    db.run.end(fresh, null);
    assertThatThrownBy(() -> db.in(fresh, db::ids)).isInstanceOf(SandboxEndedException.class);
  }

  @Test
  void the_end_cuts_short_what_still_runs_and_refuses_who_still_waits() throws Exception {
    Sandbox ending = db.open("T.ending");
    CountDownLatch begun = new CountDownLatch(1);
    Future<?> running =
        threads.submit(
            () ->
                db.in(
                    ending,
                    () -> {
                      insert(connection(), 1);
                      begun.countDown();
                      db.execute("SELECT pg_sleep(60)");
                      return null;
                    }));
    assertThat(begun.await(5, TimeUnit.SECONDS)).isTrue();
    awaitBackendAsleep();
    Future<?> waiting = threads.submit(() -> db.in(ending, db::ids));

    db.run.end(ending, null);

    assertThatThrownBy(() -> running.get(10, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasRootCauseInstanceOf(SQLException.class);
    assertThatThrownBy(() -> waiting.get(10, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasRootCauseInstanceOf(SandboxEndedException.class);
  }

  @Test
  void a_lost_connection_is_reported_with_its_first_cause_and_harms_nobody_else() throws Exception {
    Sandbox unlucky = db.open("T.unlucky");
    int pid =
        db.in(
            unlucky,
            () -> {
              try (Connection connection = connection()) {
                insert(connection, 1);
                return connection.unwrap(PGConnection.class).getBackendPID();
              }
            });
    Sandbox.outside(
        () -> {
          db.execute("SELECT pg_terminate_backend(" + pid + ")");
          return null;
        });

    assertThatThrownBy(() -> db.in(unlucky, db::ids)).isInstanceOf(SQLException.class);
    assertThatThrownBy(() -> db.in(unlucky, db::ids))
        .hasMessageContaining("lost since")
        .hasMessageContaining("T.unlucky");
    db.run.end(unlucky, null);
    inside(() -> insert(connection(), 1));
  }

  @Test
  void a_statement_timeout_and_a_cancel_hit_only_their_statement() throws Exception {
    inside(
        () -> {
          insert(connection(), 1);
          try (Connection connection = connection();
              Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            assertThatThrownBy(() -> statement.execute("SELECT pg_sleep(60)"))
                .isInstanceOfSatisfying(
                    SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("57014"));
          }
          assertThat(db.ids()).containsExactly(1);
        });
  }

  @Test
  void what_the_driver_asks_about_types_leaves_the_rollback_whole() throws Exception {
    setUp(
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE TABLE feeling (mood mood)",
        "CREATE PROCEDURE feel(OUT felt mood) LANGUAGE plpgsql AS"
            + " 'BEGIN INSERT INTO feeling VALUES (''ok'') RETURNING mood INTO felt; END'");
    inside(
        () -> {
          try (Connection connection = transaction()) {
            value(connection, "INSERT INTO feeling VALUES ('ok') RETURNING mood");
            connection.rollback();
            assertThat(value(connection, "SELECT count(*) FROM feeling")).isEqualTo("0");
          }
        });
    Sandbox other = db.open("T.other");
    inside(
        other,
        () -> {
          try (Connection connection = transaction();
              CallableStatement call = connection.prepareCall("CALL feel(?)")) {
            call.registerOutParameter(1, Types.VARCHAR);
            call.execute();
            connection.rollback();
            assertThat(value(connection, "SELECT count(*) FROM feeling")).isEqualTo("0");
          }
        });
    db.run.end(other, null);
  }

  @Test
  void a_statement_whose_result_the_driver_refuses_goes_with_its_transaction() throws Exception {
    setUp(
        "CREATE FUNCTION adds() RETURNS int LANGUAGE sql AS"
            + " 'INSERT INTO item VALUES (2, ''x'') RETURNING id'");
    inside(
        () -> {
          try (Connection connection = transaction();
              Statement statement = connection.createStatement()) {
            assertThatThrownBy(() -> statement.executeQuery("INSERT INTO item VALUES (1, 'x')"))
                .isInstanceOf(SQLException.class);
            connection.rollback();
            assertThatThrownBy(() -> statement.executeUpdate("SELECT adds()"))
                .isInstanceOf(SQLException.class);
            connection.rollback();
            assertThat(ids(connection)).isEmpty();
          }
        });
  }

  @Test
  void a_cursor_that_is_not_there_takes_nothing_along() throws Exception {
    inside(
        () -> {
          try (Connection connection = connection();
              Statement statement = connection.createStatement();
              ResultSet rows = statement.executeQuery("SELECT 'none'::refcursor")) {
            rows.next();
            assertThatThrownBy(() -> rows.getObject(1)).isInstanceOf(SQLException.class);
            insert(connection(), 1);
          }
          assertThat(db.ids()).containsExactly(1);
        });
  }
}
