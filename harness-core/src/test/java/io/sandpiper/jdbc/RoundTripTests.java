package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Sandbox;
import io.sandpiper.jdbc.TappedSockets.Tap;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is sent for a sandbox, and what becomes of the sandbox where the server fails at that. */
class RoundTripTests {

  private final Tap tap = new Tap();
  private JdbcFixture db;
  private JdbcFixture tapped;
  private Sandbox sandbox;

  @BeforeEach
  void open() throws Exception {
    db = new JdbcFixture();
    tapped = JdbcFixture.on(tap.on(db.database));
    sandbox = tapped.open("T.test");
  }

  @AfterEach
  void the_database_is_as_before() throws Exception {
    tapped.run.end(sandbox, null);
    assertThat(db.committed()).isEmpty();
    tapped.close();
    db.close();
  }

  private void inside(InSandbox.Action action) throws Exception {
    tapped.in(
        sandbox,
        () -> {
          action.run();
          return null;
        });
  }

  private Connection connection(boolean autoCommit) throws SQLException {
    Connection connection = tapped.dataSource.getConnection();
    connection.setAutoCommit(autoCommit);
    return connection;
  }

  private int roundTrips(InSandbox.Action action) throws Exception {
    int before = tap.roundTrips();
    action.run();
    return tap.roundTrips() - before;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT 1",
        "/* a comment */ SELECT 1",
        "-- a comment\nSELECT 1",
        "(SELECT 1)",
        "/* one */ SELECT 1; SELECT 2"
      })
  void a_statement_costs_one_round_trip_however_it_begins(String sql) throws Exception {
    inside(
        () -> {
          try (Connection connection = connection(true);
              Statement statement = connection.createStatement()) {
            statement.execute("SELECT 0");
            assertThat(roundTrips(() -> statement.execute(sql))).isEqualTo(1);
          }
        });
  }

  @Test
  void generated_keys_of_a_user_defined_type_cost_no_round_trip_of_their_own() throws Exception {
    inside(
        () -> {
          InSandbox.run(connection(true), "CREATE TYPE colour AS ENUM ('red')");
          InSandbox.run(connection(true), "CREATE TABLE made (id serial, c colour DEFAULT 'red')");
          try (Connection connection = connection(true);
              PreparedStatement statement =
                  connection.prepareStatement(
                      "INSERT INTO made DEFAULT VALUES", Statement.RETURN_GENERATED_KEYS)) {
            statement.executeUpdate();
            assertThat(roundTrips(() -> readKeys(statement))).isZero();
            assertThat(roundTrips(statement::executeUpdate)).isEqualTo(1);
            assertThat(roundTrips(() -> readKeys(statement))).isZero();
          }
        });
  }

  private static void readKeys(Statement statement) throws SQLException {
    try (ResultSet keys = statement.getGeneratedKeys()) {
      assertThat(keys.next()).isTrue();
      assertThat(keys.getObject(1)).isInstanceOf(Integer.class);
      assertThat(keys.getObject("c")).isEqualTo("red");
      assertThat(keys.getObject(2, String.class)).isEqualTo("red");
    }
  }

  @Test
  void rows_of_later_results_cost_one_round_trip_a_result() throws Exception {
    inside(
        () -> {
          try (Connection connection = connection(true);
              Statement statement = connection.createStatement()) {
            String rows = "SELECT i, i::text FROM generate_series(1, 20) AS i";
            statement.execute(rows + ";" + rows);
            assertThat(roundTrips(() -> readAll(statement.getResultSet()))).isZero();
            assertThat(statement.getMoreResults()).isTrue();
            assertThat(roundTrips(() -> readAll(statement.getResultSet()))).isEqualTo(1);
          }
        });
  }

  private static void readAll(ResultSet rows) throws SQLException {
    while (rows.next()) {
      assertThat(rows.getObject(1)).hasToString(rows.getObject(2, String.class));
    }
  }

  @Test
  void the_check_of_deferred_constraints_costs_one_round_trip() throws Exception {
    inside(
        () -> {
          InSandbox.run(
              connection(true), "CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
          try (Connection connection = connection(false)) {
            InSandbox.run(connection, "INSERT INTO late VALUES (1)");
            assertThat(roundTrips(connection::commit)).isEqualTo(1);
            InSandbox.run(connection, "INSERT INTO late VALUES (2)");
            InSandbox.run(connection, "SAVEPOINT s");
            assertThat(roundTrips(connection::commit)).isEqualTo(1);
            assertThat(roundTrips(() -> InSandbox.run(connection, "INSERT INTO late VALUES (3)")))
                .isEqualTo(1);
          }
        });
  }

  /** What needs a savepoint before it. */
  enum Work {
    A_STATEMENT(true),
    A_BATCH(true),
    A_BATCH_OF_PREPARED(true),
    A_TRANSACTION(false);

    private final boolean autoCommit;

    Work(boolean autoCommit) {
      this.autoCommit = autoCommit;
    }

    private void on(Connection connection) throws SQLException {
      if (this == A_BATCH) {
        try (Statement statement = connection.createStatement()) {
          statement.addBatch("INSERT INTO item (id, name) VALUES (3, 'x')");
          statement.addBatch("INSERT INTO item (id, name) VALUES (4, 'x')");
          statement.executeBatch();
        }
      } else if (this == A_BATCH_OF_PREPARED) {
        try (PreparedStatement statement =
            connection.prepareStatement("INSERT INTO item (id, name) VALUES (?, 'x')")) {
          for (int id = 3; id < 5; id++) {
            statement.setInt(1, id);
            statement.addBatch();
          }
          statement.executeBatch();
        }
      } else {
        insert(connection, 3);
      }
    }
  }

  /** The driver would go back to an older one, and take what was committed since along. */
  @ParameterizedTest
  @EnumSource
  void a_savepoint_that_fails_itself_breaks_the_sandbox(Work work) throws Exception {
    inside(
        () -> {
          insert(connection(true), 1);
          insert(connection(true), 2);
          Connection connection = connection(work.autoCommit);
          tap.spoil("SAVEPOINT PGJDBC_AUTOSAVE");
          assertThatThrownBy(() -> work.on(connection))
              .isInstanceOfSatisfying(
                  SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("42601"));
          assertThatThrownBy(tapped::ids)
              .isInstanceOf(SandboxException.class)
              .hasMessageContaining("is lost since")
              .hasMessageContaining("syntax error");
        });
  }

  @Test
  void a_rollback_that_fails_breaks_the_sandbox_and_goes_back_no_further() throws Exception {
    inside(
        () -> {
          insert(connection(true), 1);
          Connection connection = connection(false);
          insert(connection, 2);
          tap.spoil("ROLLBACK TO SAVEPOINT");
          assertThatThrownBy(connection::rollback)
              .isInstanceOfSatisfying(
                  SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("42601"));
          assertThatThrownBy(tapped::ids)
              .isInstanceOf(SandboxException.class)
              .hasMessageContaining("is lost since")
              .hasMessageContaining("syntax error");
        });
  }

  @Test
  void a_sandbox_that_is_broken_leaves_others_alone() throws Exception {
    Sandbox other = tapped.open("T.other");
    tapped.in(
        other,
        () -> {
          insert(connection(true), 11);
          return null;
        });
    a_savepoint_that_fails_itself_breaks_the_sandbox(Work.A_STATEMENT);
    tapped.in(
        other,
        () -> {
          insert(connection(true), 12);
          assertThat(tapped.ids()).containsExactly(11, 12);
          return null;
        });
    tapped.run.end(other, null);
  }
}
