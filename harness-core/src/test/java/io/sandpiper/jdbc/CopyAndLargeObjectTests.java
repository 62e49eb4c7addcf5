package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.ids;
import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.copy.CopyOut;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

class CopyAndLargeObjectTests extends InSandbox {

  private static final String COPY_IN = "COPY item (id, name) FROM STDIN";
  private static final String COPY_OUT = "COPY (SELECT generate_series(1, %d)) TO STDOUT";

  private static CopyManager copies(Connection connection) throws SQLException {
    return connection.unwrap(PGConnection.class).getCopyAPI();
  }

  @Test
  void a_copy_is_part_of_the_sandbox_and_of_its_transaction() throws Exception {
    inside(
        () -> {
          try (Connection connection = connection()) {
            assertThat(copies(connection).copyIn(COPY_IN, new StringReader("1\ta\n2\tb\n")))
                .isEqualTo(2);
            assertThatThrownBy(
                    () -> copies(connection).copyIn(COPY_IN, new StringReader("3\ta\n3\tb\n")))
                .isInstanceOfSatisfying(
                    SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("23505"));
            StringWriter out = new StringWriter();
            copies(connection).copyOut("COPY (SELECT id FROM item ORDER BY id) TO STDOUT", out);
            assertThat(out).hasToString("1\n2\n");
          }
          try (Connection connection = transaction()) {
            copies(connection).copyIn(COPY_IN, new StringReader("4\ta\n"));
            insert(connection, 5);
            connection.rollback();
            copies(connection).copyIn(COPY_IN, new StringReader("6\ta\n"));
            connection.commit();
          }
          assertThat(db.ids()).containsExactly(1, 2, 6);
        });
    assertThat(sandbox.journal().toString()).contains(COPY_IN);
  }

  @Test
  void an_open_copy_makes_others_wait_and_its_own_thread_is_told() throws Exception {
    CountDownLatch open = new CountDownLatch(1);
    inside(
        () -> {
          Connection connection = connection();
          CopyIn copy = copies(connection).copyIn(COPY_IN);
          Future<?> other =
              onAnotherThread(
                  () -> {
                    open.countDown();
                    insert(connection(), 1);
                  });
          assertThat(open.await(10, TimeUnit.SECONDS)).isTrue();
          byte[] row = "2\tb\n".getBytes(StandardCharsets.UTF_8);
          copy.writeToCopy(row, 0, row.length);
          assertThatThrownBy(() -> insert(connection(), 3))
              .isInstanceOf(SandboxException.class)
              .hasMessageContaining("has a COPY open")
              .hasMessageContaining("isolation = DATABASE");
          assertThat(copy.endCopy()).isEqualTo(1);
          other.get(10, TimeUnit.SECONDS);
          assertThat(db.ids()).containsExactly(1, 2);
          copies(connection).copyIn(COPY_IN);
          connection.close();
          assertThat(db.ids()).containsExactly(1, 2);
        });
  }

  @Test
  void a_copy_to_the_client_leaves_nothing_to_the_statement_after_its_cancel() throws Exception {
    inside(
        () -> {
          try (Connection connection = connection()) {
            for (int rows : new int[] {3, 300_000}) {
              CopyOut copy = copies(connection).copyOut(COPY_OUT.formatted(rows));
              assertThat(copy.readFromCopy()).isNotNull();
              copy.cancelCopy();
              assertThat(copy.isActive()).isFalse();
              assertThat(value(connection, "SELECT 'next'")).isEqualTo("next");
            }
            copies(connection).copyOut(COPY_OUT.formatted(3)).readFromCopy();
          }
          assertThat(value("SELECT 'next'")).isEqualTo("next");
        });
  }

  @Test
  void a_copy_that_has_lost_its_connection_says_that_it_is_not_active() throws Exception {
    Sandbox losing = db.open("T.losing");
    inside(
        losing,
        () -> {
          Connection connection = connection();
          int process = connection.unwrap(PGConnection.class).getBackendPID();
          CopyOut copy = copies(connection).copyOut(COPY_OUT.formatted(10_000_000));
          db.admin("SELECT pg_terminate_backend(%d, 5000)".formatted(process));
          assertThatThrownBy(
                  () -> {
                    while (copy.readFromCopy() != null) {
                      continue;
                    }
                  })
              .isInstanceOf(SQLException.class);
          assertThat(copy.isActive()).isFalse();
          assertThatThrownBy(copy::readFromCopy).hasMessageContaining("is lost since");
        });
    db.run.end(losing, null);
  }

  @Test
  void a_copy_that_is_open_at_the_end_ends_with_the_sandbox() throws Exception {
    Sandbox ending = db.open("T.ending");
    inside(
        ending,
        () -> {
          CopyIn copy = copies(connection()).copyIn(COPY_IN);
          byte[] row = "1\tb\n".getBytes(StandardCharsets.UTF_8);
          copy.writeToCopy(row, 0, row.length);
        });
    db.run.end(ending, null);
    inside(() -> assertThat(db.ids()).isEmpty());
  }

  @Test
  void large_objects_need_a_transaction_and_go_with_the_sandbox() throws Exception {
    inside(
        () -> {
          try (Connection connection = transaction()) {
            LargeObjectManager objects = connection.unwrap(PGConnection.class).getLargeObjectAPI();
            long oid = objects.createLO();
            try (LargeObject object = objects.open(oid)) {
              object.write("large".getBytes(StandardCharsets.UTF_8));
            }
            connection.commit();
            try (LargeObject object = objects.open(oid)) {
              assertThat(new String(object.read(10), StandardCharsets.UTF_8)).isEqualTo("large");
            }
            connection.rollback();
            connection.setAutoCommit(true);
            assertThatThrownBy(() -> objects.open(oid))
                .isInstanceOf(SQLException.class)
                .hasMessageContaining("auto-commit");
          }
          insert(connection(), 1);
        });
    Sandbox.outside(
        () -> {
          assertThat(value("SELECT count(*) FROM pg_largeobject_metadata")).isEqualTo("0");
          return null;
        });
  }

  @Test
  void sandboxes_copy_at_the_same_time_and_see_their_own_rows() throws Exception {
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Sandbox one = db.open("T.copy" + i);
      all.add(
          threads.submit(
              () -> {
                inside(
                    one,
                    () -> {
                      StringBuilder rows = new StringBuilder();
                      for (int id = 0; id < 500; id++) {
                        rows.append(one.id().sequence() * 1000 + id).append("\tx\n");
                      }
                      try (Connection connection = connection()) {
                        copies(connection).copyIn(COPY_IN, new StringReader(rows.toString()));
                        assertThat(ids(connection)).hasSize(500);
                      }
                    });
                db.run.end(one, null);
                return null;
              }));
    }
    for (Future<?> one : all) {
      one.get(30, TimeUnit.SECONDS);
    }
  }

  @Test
  void a_copy_in_autocommit_leaves_its_work_open_for_the_drain() throws Exception {
    Work work = Objects.requireNonNull(sandbox.begin("listener"));
    Future<?> end;
    try (Scope scope = work.bind()) {
      copies(connection()).copyIn(COPY_IN, new StringReader("1\ta\n"));
      end =
          threads.submit(
              () -> {
                db.run.end(sandbox, null);
                return null;
              });
      assertThatThrownBy(() -> end.get(100, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
      insert(connection(), 2);
      assertThat(db.ids()).containsExactly(1, 2);
    }
    work.finish(null);
    end.get(10, TimeUnit.SECONDS);
  }

  @Test
  void a_connection_with_an_open_copy_can_be_closed_while_the_sandbox_ends() throws Exception {
    Sandbox ending = db.open("T.ending");
    Connection connection = connection();
    inside(ending, () -> copies(connection).copyIn(COPY_IN));
    ending.parts(SandboxConnection.class).forEach(SandboxConnection::fence);
    connection.close();
    Future<?> end = threads.submit(() -> db.run.end(ending, null));
    end.get(20, TimeUnit.SECONDS);
  }

  @Test
  void a_connection_with_an_open_copy_can_be_closed_after_the_end() throws Exception {
    Connection connection = connection();
    inside(() -> copies(connection).copyIn(COPY_IN));
    db.run.end(sandbox, null);
    connection.close();
    assertThat(connection.isClosed()).isTrue();
  }
}
