package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Sandbox;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeferredConstraintsTests extends InSandbox {

  @BeforeEach
  void define() throws Exception {
    setUp(
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TABLE late (id int CONSTRAINT late_parent REFERENCES parent DEFERRABLE INITIALLY"
            + " DEFERRED)",
        "CREATE TABLE soon (id int CONSTRAINT soon_parent REFERENCES parent DEFERRABLE)");
  }

  private static void violates(ThrowingCallable action) {
    assertThatThrownBy(action)
        .isInstanceOfSatisfying(
            SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("23503"));
  }

  @Test
  void a_check_of_what_the_outer_transaction_left_is_no_write_of_the_inner_one() throws Exception {
    inside(
        () -> {
          try (Connection outer = transaction()) {
            run(outer, "INSERT INTO late VALUES (7)");
            run(outer, "INSERT INTO parent VALUES (7)");
            assertThat(value("SELECT count(*) FROM parent WHERE id = 7")).isEqualTo("1");
            outer.rollback();
          }
          assertThat(value("SELECT count(*) FROM parent WHERE id = 7")).isEqualTo("0");
        });
  }

  @Test
  void deferred_ones_fire_at_the_commit_and_immediate_ones_at_the_statement() throws Exception {
    inside(
        () -> {
          try (Connection connection = transaction()) {
            run(connection, "INSERT INTO late VALUES (1)");
            run(connection, "INSERT INTO parent VALUES (1)");
            connection.commit();
            run(connection, "INSERT INTO late VALUES (2)");
            violates(connection::commit);
            assertThat(value(connection, "SELECT count(*) FROM late")).isEqualTo("1");
            connection.rollback();
            violates(() -> run(connection, "INSERT INTO soon VALUES (3)"));
            connection.rollback();
          }
          violates(() -> db.execute("INSERT INTO late VALUES (4)"));
          db.execute("INSERT INTO late VALUES (5); INSERT INTO parent VALUES (5)");
          violates(() -> db.execute("INSERT INTO late VALUES (6); SELECT 1"));
          assertThat(value("SELECT string_agg(id::text, ',' ORDER BY id) FROM late"))
              .isEqualTo("1,5");
        });
  }

  @Test
  void modes_that_the_application_sets_last_for_its_transaction() throws Exception {
    inside(
        () -> {
          try (Connection connection = transaction()) {
            run(connection, "SET CONSTRAINTS ALL DEFERRED");
            run(connection, "INSERT INTO soon VALUES (1)");
            run(connection, "INSERT INTO parent VALUES (1)");
            connection.commit();
            violates(() -> run(connection, "INSERT INTO soon VALUES (2)"));
            connection.rollback();
            run(connection, "SET CONSTRAINTS late_parent IMMEDIATE");
            violates(() -> run(connection, "INSERT INTO late VALUES (2)"));
            connection.rollback();
            run(connection, "INSERT INTO late VALUES (2)");
            connection.rollback();
          }
          db.execute("SET CONSTRAINTS ALL DEFERRED");
          violates(() -> db.execute("INSERT INTO soon VALUES (2)"));
          violates(() -> db.execute("INSERT INTO late VALUES (2)"));
        });
  }

  @Test
  void what_the_test_itself_defines_counts_too() throws Exception {
    inside(
        () -> {
          db.execute(
              "CREATE TABLE own (id int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO own"
                  + " VALUES (1)");
          try (Connection connection = transaction()) {
            run(connection, "INSERT INTO own VALUES (1)");
            run(connection, "UPDATE own SET id = 2 WHERE ctid = '(0,1)'");
            connection.commit();
            run(connection, "INSERT INTO own VALUES (2)");
            assertThatThrownBy(connection::commit).isInstanceOf(SQLException.class);
          }
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 25})
  void many_of_them_cost_one_short_text(int count) throws Exception {
    List<String> definitions = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      definitions.add(
          "CREATE TABLE many%d (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
              .formatted(i));
    }
    setUp(definitions.toArray(String[]::new));
    inside(
        () -> {
          try (Connection connection = transaction()) {
            run(connection, "INSERT INTO many0 VALUES (1)");
            violates(() -> run(connection, "INSERT INTO soon VALUES (1)"));
            connection.rollback();
            run(connection, "INSERT INTO many0 VALUES (1)");
            violates(connection::commit);
          }
        });
  }

  /** Random schedules of two sandboxes over shared threads. */
  @Test
  void no_schedule_lets_a_violation_through() throws Exception {
    Random random = new Random();
    Sandbox other = db.open("T.other");
    List<Future<?>> steps = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      Sandbox which = random.nextBoolean() ? sandbox : other;
      int id = i;
      int kind = random.nextInt(5);
      steps.add(threads.submit(() -> db.in(which, () -> step(kind, id))));
    }
    for (Future<?> step : steps) {
      step.get(30, TimeUnit.SECONDS);
    }
    for (Sandbox which : List.of(sandbox, other)) {
      inside(
          which,
          () ->
              assertThat(value("SELECT count(*) FROM late WHERE id NOT IN (SELECT id FROM parent)"))
                  .isEqualTo("0"));
    }
    db.run.end(other, null);
  }

  private Void step(int kind, int id) throws Exception {
    try (Connection connection = kind == 0 ? connection() : transaction()) {
      switch (kind) {
        case 0 -> violates(() -> run(connection, "INSERT INTO late VALUES (%d)".formatted(id)));
        case 1 -> {
          run(connection, "INSERT INTO late VALUES (%d)".formatted(id));
          violates(connection::commit);
        }
        case 2 -> {
          run(connection, "INSERT INTO late VALUES (%d)".formatted(id));
          run(connection, "INSERT INTO parent VALUES (%d)".formatted(id));
          connection.commit();
        }
        case 3 -> {
          run(connection, "INSERT INTO late VALUES (%d)".formatted(id));
          connection.rollback();
        }
        default -> {
          run(connection, "SET CONSTRAINTS ALL IMMEDIATE");
          violates(() -> run(connection, "INSERT INTO late VALUES (%d)".formatted(id)));
          connection.rollback();
        }
      }
    }
    return null;
  }

  @Test
  void what_the_test_itself_defined_is_forgotten_where_it_is_rolled_back() throws Exception {
    inside(
        () -> {
          try (Connection connection = transaction()) {
            run(connection, "CREATE TABLE own (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
            run(connection, "INSERT INTO own VALUES (1)");
            connection.rollback();
            run(connection, "INSERT INTO parent VALUES (1)");
            Savepoint savepoint = connection.setSavepoint();
            run(connection, "CREATE TABLE own (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
            run(connection, "INSERT INTO own VALUES (1)");
            connection.rollback(savepoint);
            run(connection, "INSERT INTO late VALUES (2)");
            run(connection, "INSERT INTO parent VALUES (2)");
            connection.commit();
            run(connection, "INSERT INTO late VALUES (3)");
            violates(connection::commit);
          }
          assertThat(value("SELECT count(*) FROM parent")).isEqualTo("2");
        });
  }
}
