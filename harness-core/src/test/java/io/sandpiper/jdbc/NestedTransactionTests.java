package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.ids;
import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Sandbox;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * Transactions on several connections of one thread (REQUIRES_NEW), as far as one connection goes.
 */
class NestedTransactionTests extends InSandbox {

  @Test
  void an_outer_rollback_that_would_take_committed_rows_along_fails_the_test() throws Exception {
    Sandbox misled = db.open("T.misled");
    inside(
        misled,
        () -> {
          try (Connection outer = transaction()) {
            insert(outer, 1);
            try (Connection inner = transaction()) {
              insert(inner, 2);
              inner.commit();
            }
            outer.rollback();
          }
          assertThatThrownBy(() -> db.ids())
              .isInstanceOf(SandboxException.class)
              .hasMessageContaining("rolled back at " + getClass().getName())
              .hasMessageContaining("begun at io.sandpiper.jdbc.JdbcFixture.insert")
              .hasMessageContaining("isolation = DATABASE");
        });
    assertThatThrownBy(() -> db.run.end(misled, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("the inner rows would stay");
    assertThat(misled.journal().toString()).contains("refused:");
  }

  @Test
  void an_outer_rollback_after_which_nothing_is_read_harms_nobody() throws Exception {
    inside(
        () -> {
          try (Connection outer = transaction()) {
            insert(outer, 1);
            insert(connection(), 2);
            outer.rollback();
          }
        });
  }

  @Test
  void an_inner_transaction_that_only_reads_or_rolls_back_leaves_the_outer_one_free()
      throws Exception {
    inside(
        () -> {
          insert(connection(), 1);
          try (Connection outer = transaction()) {
            insert(outer, 2);
            try (Connection inner = transaction()) {
              assertThat(ids(inner)).containsExactly(1, 2);
              inner.commit();
              insert(inner, 3);
              inner.rollback();
            }
            outer.rollback();
          }
          assertThat(db.ids()).containsExactly(1);
        });
  }

  @Test
  void an_inner_transaction_after_the_outer_one_failed_is_kept() throws Exception {
    inside(
        () -> {
          insert(connection(), 1);
          try (Connection outer = transaction()) {
            insert(outer, 2);
            assertThatThrownBy(() -> insert(outer, 1)).isInstanceOf(SQLException.class);
            try (Connection inner = transaction()) {
              insert(inner, 3);
              inner.commit();
            }
            assertThatThrownBy(() -> insert(outer, 4))
                .isInstanceOfSatisfying(
                    SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("25P02"));
            outer.rollback();
          }
          assertThat(db.ids()).containsExactly(1, 3);
        });
  }

  @Test
  void an_inner_transaction_before_the_outer_ones_first_statement_is_kept() throws Exception {
    inside(
        () -> {
          try (Connection outer = transaction()) {
            try (Connection inner = transaction()) {
              insert(inner, 1);
              inner.commit();
            }
            insert(outer, 2);
            outer.rollback();
          }
          assertThat(db.ids()).containsExactly(1);
        });
  }

  @Test
  void going_back_to_a_savepoint_before_an_inner_commit_fails_the_test_too() throws Exception {
    Sandbox misled = db.open("T.misled");
    inside(
        misled,
        () -> {
          try (Connection outer = transaction()) {
            Savepoint savepoint = outer.setSavepoint();
            insert(connection(), 1);
            outer.rollback(savepoint);
            outer.commit();
          }
          assertThatThrownBy(() -> db.ids()).hasMessageContaining("the inner rows would stay");
        });
    assertThatThrownBy(() -> db.run.end(misled, null)).isInstanceOf(AssertionError.class);
  }

  @Test
  void a_savepoint_heals_a_failed_transaction() throws Exception {
    inside(
        () -> {
          try (Connection connection = transaction()) {
            insert(connection, 1);
            Savepoint savepoint = connection.setSavepoint();
            assertThatThrownBy(() -> insert(connection, 1)).isInstanceOf(SQLException.class);
            connection.rollback(savepoint);
            insert(connection, 2);
            connection.commit();
          }
          assertThat(db.ids()).containsExactly(1, 2);
        });
  }

  @Test
  void a_ring_of_waits_over_two_databases_is_named_at_once() throws Exception {
    try (JdbcFixture other = new JdbcFixture()) {
      CountDownLatch bothHold = new CountDownLatch(2);
      Future<?> one = crosses(db, other, bothHold);
      Future<?> two = crosses(other, db, bothHold);
      assertThatThrownBy(
              () -> {
                one.get(20, TimeUnit.SECONDS);
                two.get(20, TimeUnit.SECONDS);
              })
          .hasRootCauseInstanceOf(SandboxException.class)
          .hasMessageContaining("would never get its turn")
          .hasMessageContaining("isolation = DATABASE");
      db.run.end(sandbox, null);
    }
  }

  private Future<?> crosses(JdbcFixture first, JdbcFixture second, CountDownLatch bothHold) {
    return onAnotherThread(
        () -> {
          try (Connection outer = first.dataSource.getConnection()) {
            outer.setAutoCommit(false);
            insert(outer, 1);
            bothHold.countDown();
            assertThat(bothHold.await(10, TimeUnit.SECONDS)).isTrue();
            insert(second.dataSource.getConnection(), 2);
          }
        });
  }

  @Test
  void an_outer_rollback_under_an_open_inner_transaction_is_refused() throws Exception {
    Sandbox crossing = db.open("T.crossing");
    inside(
        crossing,
        () -> {
          Connection outer = transaction();
          Connection inner = transaction();
          insert(outer, 1);
          insert(inner, 2);
          assertThatThrownBy(outer::rollback)
              .isInstanceOf(SandboxException.class)
              .hasMessageContaining("End the inner transaction first");
          assertThatThrownBy(inner::commit)
              .isInstanceOf(SandboxException.class)
              .hasMessageContaining("cannot go on")
              .hasMessageContaining("isolation = DATABASE");
        });
    assertThatThrownBy(() -> db.run.end(crossing, null)).isInstanceOf(AssertionError.class);
  }
}
