package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Sandbox;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Savepoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** SQL that ends the sandbox's transaction although it was not seen to. */
class EscapeTests extends InSandbox {

  /**
   * Where backslashes escape in all strings, the text ends its transaction; else it is one value.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "COMMIT",
        "COMMIT AND CHAIN",
        "COMMIT; BEGIN",
        "ROLLBACK",
        "ROLLBACK AND CHAIN",
        "END; START TRANSACTION"
      })
  void is_proven_at_once_and_fails_the_test(String control) throws Exception {
    Sandbox escaping = db.open("T.escaping");
    inside(
        escaping,
        () -> {
          try (Connection connection = connection()) {
            insert(connection, 1);
            db.execute("SET standard_conforming_strings = off");
            assertThatThrownBy(() -> db.execute("SELECT '\\''; " + control + "; SELECT 'x'"))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("has ended by SQL that the sandbox did not see");
            assertThatThrownBy(() -> insert(connection, 2)).isInstanceOf(SandboxException.class);
          }
        });
    Sandbox neighbour = db.open("T.neighbour");
    inside(neighbour, () -> db.ids());
    db.run.end(neighbour, null);

    assertThatThrownBy(() -> db.run.end(escaping, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("T.escaping");
    setUp("DELETE FROM item");
  }

  @Test
  void is_not_seen_where_the_application_names_itself() throws Exception {
    inside(
        () -> {
          db.execute("SELECT 'commit'");
          db.execute("SET application_name = 'mine'");
          db.execute("SELECT 'commit'");
          try (Connection connection = transaction()) {
            value(connection, "SELECT set_config('application_name', 'ours', false), 'commit'");
            connection.rollback();
            connection.setClientInfo("ApplicationName", "theirs");
            assertThat(connection.getClientInfo("ApplicationName")).isEqualTo("theirs");
          }
          db.execute("SELECT 'commit'");
          insert(connection(), 1);
        });
  }

  @Test
  void a_procedure_cannot() throws Exception {
    inside(
        () -> {
          db.execute("CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'");
          assertThatThrownBy(() -> db.execute("CALL commits()"))
              .isInstanceOfSatisfying(
                  SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("2D000"));
          insert(connection(), 1);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"VACUUM item", "CREATE INDEX CONCURRENTLY i ON item (name)"})
  void what_cannot_run_in_a_transaction_is_explained(String sql) throws Exception {
    inside(
        () -> {
          assertThatThrownBy(() -> db.execute(sql))
              .isInstanceOf(SandboxException.class)
              .hasMessageContaining("isolation = DATABASE")
              .hasMessageContaining(sql);
          insert(connection(), 1);
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"LISTEN here", "DISCARD ALL", "RESET ALL"})
  void what_cannot_work_in_a_sandbox_is_refused(String sql) throws Exception {
    inside(
        () ->
            assertThatThrownBy(() -> db.execute(sql))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("isolation = DATABASE"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "CREATE FUNCTION one() RETURNS int BEGIN ATOMIC SELECT 1; END",
        "CREATE FUNCTION two(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC"
            + " SELECT CASE WHEN a > 1 THEN 1 ELSE 2 END; SELECT 3; END"
      })
  void the_body_of_an_sql_function_is_no_transaction(String sql) throws Exception {
    inside(() -> db.execute(sql));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "CREATE FUNCTION one() RETURNS int BEGIN ATOMIC SELECT 1; END; COMMIT",
        "SELECT CASE WHEN true THEN 1 END; END"
      })
  void but_what_follows_may_be(String sql) throws Exception {
    inside(
        () ->
            assertThatThrownBy(() -> db.execute(sql))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("commit() and rollback()"));
  }

  @Test
  void statements_that_need_a_transaction_fail_without_one_as_in_production() throws Exception {
    inside(
        () -> {
          for (String sql :
              new String[] {"SAVEPOINT s", "LOCK TABLE item", "RELEASE SAVEPOINT s"}) {
            assertThatThrownBy(() -> db.execute(sql))
                .isInstanceOfSatisfying(
                    SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("25P01"));
          }
          try (Connection connection = transaction()) {
            run(connection, "SAVEPOINT s; LOCK TABLE item; SELECT 1");
          }
        });
  }

  @Test
  void is_not_suspected_after_a_rollback_to_a_savepoint() throws Exception {
    inside(
        () -> {
          try (Connection connection = transaction()) {
            insert(connection, 1);
            Savepoint savepoint = connection.setSavepoint();
            run(connection, "SELECT 'commit'");
            connection.rollback(savepoint);
            run(connection, "SAVEPOINT s; SELECT 'commit'");
            run(connection, "SELECT 1; ROLLBACK TO SAVEPOINT s");
            insert(connection, 2);
            connection.commit();
          }
          assertThat(db.ids()).containsExactly(1, 2);
        });
  }

  @Test
  void is_proven_in_the_first_statement_too() throws Exception {
    Sandbox escaping = db.open("T.escaping");
    setUp(
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET standard_conforming_strings = off',"
            + " current_database()); END$$");
    inside(
        escaping,
        () ->
            assertThatThrownBy(() -> db.execute("SELECT '\\''; COMMIT; SELECT 'x'"))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("has ended by SQL that the sandbox did not see"));
    assertThatThrownBy(() -> db.run.end(escaping, null)).isInstanceOf(AssertionError.class);
  }
}
