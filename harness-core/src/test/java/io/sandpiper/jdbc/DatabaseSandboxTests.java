package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.ids;
import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;

class DatabaseSandboxTests {

  private JdbcFixture db;
  private Sandbox sandbox;
  private final ExecutorService threads = Executors.newCachedThreadPool();

  @BeforeEach
  void open() throws Exception {
    db = new JdbcFixture();
    sandbox = db.open("T.test", Isolation.DATABASE);
  }

  @AfterEach
  void the_database_is_as_before() throws Exception {
    db.run.end(sandbox, null);
    threads.shutdownNow();
    assertThat(db.committed()).isEmpty();
    assertThat(db.pool.getHikariPoolMXBean().getActiveConnections()).isZero();
    db.close();
    assertThat(db.databasesForTests()).isEmpty();
  }

  private Connection connection() {
    return db.dataSource.getConnection();
  }

  private void write(int id) throws SQLException {
    try (Connection connection = connection()) {
      insert(connection, id);
    }
  }

  private void inside(Action action) throws Exception {
    inside(sandbox, action);
  }

  private void inside(Sandbox owner, Action action) throws Exception {
    db.in(
        owner,
        () -> {
          action.run();
          return null;
        });
  }

  private interface Action {
    void run() throws Exception;
  }

  private Future<?> onAnotherThread(Action action) {
    return threads.submit(
        () -> {
          inside(action);
          return null;
        });
  }

  @Test
  void commits_are_real_and_seen_by_the_connections_of_the_test_alone() throws Exception {
    Sandbox other = db.open("T.other", Isolation.DATABASE);
    Sandbox third = db.open("T.third", Isolation.TRANSACTION);
    inside(
        () -> {
          try (Connection one = connection();
              Connection two = connection()) {
            one.setAutoCommit(false);
            insert(one, 1);
            assertThat(ids(two)).isEmpty();
            one.commit();
            assertThat(ids(two)).containsExactly(1);
          }
        });
    onAnotherThread(() -> assertThat(db.ids()).containsExactly(1)).get();
    inside(other, () -> write(1));
    inside(third, () -> write(1));
    inside(third, () -> assertThat(db.ids()).containsExactly(1));
    inside(other, () -> write(2));
    inside(other, () -> assertThat(db.ids()).containsExactly(1, 2));
    inside(() -> assertThat(db.ids()).containsExactly(1));
    db.run.end(other, null);
    db.run.end(third, null);
  }

  @Test
  void the_rows_of_the_application_are_there() throws Exception {
    Sandbox.outside(
        () -> {
          db.execute("INSERT INTO item (id, name) VALUES (100, 'before')");
          return null;
        });
    inside(() -> assertThat(db.ids()).containsExactly(100));
    inside(() -> db.execute("DELETE FROM item"));
    assertThat(db.committed()).containsExactly(100);
    Sandbox.outside(
        () -> {
          db.execute("DELETE FROM item");
          return null;
        });
  }

  @Test
  void a_new_transaction_inside_another_one_commits_alone() throws Exception {
    inside(
        () -> {
          try (Connection outer = connection()) {
            outer.setAutoCommit(false);
            insert(outer, 1);
            try (Connection inner = connection()) {
              inner.setAutoCommit(false);
              insert(inner, 2);
              inner.commit();
            }
            outer.rollback();
          }
          assertThat(db.ids()).containsExactly(2);
        });
  }

  @Test
  void isolation_levels_are_those_of_the_server() throws Exception {
    inside(
        () -> {
          try (Connection reader = connection();
              Connection writer = connection()) {
            reader.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            reader.setAutoCommit(false);
            assertThat(ids(reader)).isEmpty();
            insert(writer, 1);
            assertThat(ids(reader)).isEmpty();
            reader.commit();
            assertThat(ids(reader)).containsExactly(1);
          }
          try (Connection next = connection()) {
            assertThat(next.getTransactionIsolation())
                .isEqualTo(Connection.TRANSACTION_READ_COMMITTED);
            assertThat(next.getAutoCommit()).isTrue();
          }
        });
  }

  @Test
  void notifications_are_delivered() throws Exception {
    inside(
        () -> {
          try (Connection listener = connection();
              Connection notifier = connection();
              Statement listen = listener.createStatement();
              Statement notify = notifier.createStatement()) {
            listen.execute("LISTEN news");
            notify.execute("NOTIFY news, 'hello'");
            PGNotification[] news = listener.unwrap(PGConnection.class).getNotifications(5_000);
            assertThat(news).hasSize(1);
            assertThat(news[0].getParameter()).isEqualTo("hello");
          }
        });
  }

  @Test
  void a_connection_that_is_closed_with_an_open_copy_says_so_and_is_not_waited_for()
      throws Exception {
    for (boolean autoCommit : new boolean[] {true, false}) {
      inside(
          () -> {
            Connection connection = connection();
            connection.setAutoCommit(autoCommit);
            CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
            CopyIn copy = copies.copyIn("COPY item (id, name) FROM STDIN");
            byte[] row = "1\tdropped\n".getBytes(StandardCharsets.UTF_8);
            copy.writeToCopy(row, 0, row.length);
            assertThatThrownBy(connection::close)
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("COPY is open")
                .hasMessageContaining("end or cancel the COPY");
            assertThat(connection.isClosed()).isTrue();
            write(autoCommit ? 2 : 3);
          });
    }
    inside(() -> assertThat(db.ids()).containsExactly(2, 3));
  }

  @Test
  void a_connection_that_has_copied_is_for_the_next_user() throws Exception {
    inside(
        () -> {
          List<String> processes = new ArrayList<>();
          for (int i = 1; i <= 2; i++) {
            try (Connection connection = connection()) {
              processes.add(InSandbox.value(connection, "SELECT pg_backend_pid()"));
              CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
              copies.copyIn("COPY item (id, name) FROM STDIN", new StringReader(i + "\tx\n"));
              Thread.currentThread().interrupt();
            }
            assertThat(Thread.interrupted()).isTrue();
          }
          assertThat(processes.get(0)).isEqualTo(processes.get(1));
          assertThat(db.ids()).containsExactly(1, 2);
        });
  }

  @Test
  void statements_are_in_the_journal_with_their_rows() throws Exception {
    inside(
        () -> {
          try (Connection connection = connection();
              Statement statement = connection.createStatement()) {
            statement.execute("INSERT INTO item (id, name) VALUES (1, 'a'), (2, 'b')");
            statement.addBatch("UPDATE item SET owner = 'x'");
            statement.addBatch("UPDATE item SET owner = 'y' WHERE id = 1");
            statement.executeBatch();
            assertThat(statement.getConnection().unwrap(PGConnection.class)).isNotNull();
          }
        });
    assertThat(sandbox.journal().toString())
        .contains("INSERT INTO item (id, name) VALUES (1, 'a'), (2, 'b') (2 rows)")
        .contains("UPDATE item SET owner = 'x' (3 rows)");
  }

  @Test
  void more_connections_than_the_pool_has_are_waited_for_and_refused_with_a_sentence()
      throws Exception {
    db.pool.setConnectionTimeout(250);
    inside(
        () -> {
          try (Connection one = connection();
              Connection two = connection();
              Connection three = connection()) {
            insert(one, 1);
            insert(two, 2);
            assertThatThrownBy(() -> insert(three, 3))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("All 2 connections")
                .hasMessageContaining("T.test")
                .hasMessageContaining("maximumPoolSize");
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> insert(three, 3))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("Interrupted while waiting for a connection");
            two.close();
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
            insert(three, 4);
            assertThat(Thread.interrupted()).isTrue();
          }
          assertThat(db.ids()).containsExactly(1, 2, 4);
        });
  }

  @Test
  void everything_of_an_ended_test_is_refused() throws Exception {
    List<Action> uses = new ArrayList<>();
    inside(
        () -> {
          Connection connection = connection();
          Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery("SELECT generate_series(1, 10)");
          uses.add(() -> connection.createStatement());
          uses.add(() -> connection.commit());
          uses.add(() -> connection.getMetaData().getTables(null, null, null, null));
          uses.add(() -> statement.execute("SELECT 1"));
          uses.add(rows::next);
          uses.add(() -> write(1));
        });
    db.run.end(sandbox, null);
    for (Action use : uses) {
      assertThatThrownBy(() -> inside(use))
          .isInstanceOf(SandboxEndedException.class)
          .hasMessageContaining("T.test");
    }
  }

  @Test
  void a_running_statement_is_cut_short_at_the_end() throws Exception {
    CountDownLatch running = new CountDownLatch(1);
    inside(() -> write(1));
    Future<?> endless =
        onAnotherThread(
            () -> {
              try (Connection connection = connection()) {
                insert(connection, 2);
                running.countDown();
                try (Statement statement = connection.createStatement()) {
                  statement.execute("SELECT pg_sleep(60)");
                }
              }
            });
    assertThat(running.await(20, TimeUnit.SECONDS)).isTrue();
    db.run.end(sandbox, null);
    assertThatThrownBy(() -> endless.get(10, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(SandboxEndedException.class);
  }

  @Test
  void work_has_not_finished_while_its_transaction_is_open() throws Exception {
    Work call = Objects.requireNonNull(sandbox.begin("listener x"));
    Connection connection;
    try (Scope scope = call.bind()) {
      connection = connection();
      connection.setAutoCommit(false);
      insert(connection, 1);
    }
    call.finish(null);
    Future<?> ending = threads.submit(() -> db.run.end(sandbox, null));
    assertThatThrownBy(() -> ending.get(100, TimeUnit.MILLISECONDS))
        .isInstanceOf(java.util.concurrent.TimeoutException.class);
    connection.commit();
    ending.get(10, TimeUnit.SECONDS);
    connection.close();
  }

  @Test
  void a_database_has_a_name_that_others_can_be_told() throws Exception {
    String name = db.dataSource.databaseName(sandbox);
    inside(
        () -> {
          try (Connection connection = connection()) {
            assertThat(connection.getCatalog()).isEqualTo(name);
          }
        });
    Sandbox transaction = db.open("T.transaction");
    assertThatThrownBy(() -> db.dataSource.databaseName(transaction))
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("isolation DATABASE");
    db.run.end(transaction, null);
  }
}
