package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Sandbox;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** Cancels, timeouts, closes and interrupts hit their own statement and nothing else. */
class CancelTests extends InSandbox {

  private static String stateOf(Future<?> future) throws Exception {
    try {
      future.get(20, TimeUnit.SECONDS);
      return "done";
    } catch (ExecutionException failed) {
      return failed.getCause() instanceof SQLException thrown
          ? String.valueOf(thrown.getSQLState())
          : String.valueOf(failed.getCause());
    }
  }

  /** Waits until some work of the sandbox queues for the lease that this thread holds. */
  private void awaitQueue() {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (!holdsUpOthers() && System.nanoTime() < deadline) {
      Thread.onSpinWait();
    }
    assertThat(holdsUpOthers()).isTrue();
  }

  private boolean holdsUpOthers() {
    return sandbox.parts(SandboxConnection.class).stream()
        .anyMatch(connection -> connection.heldUpBy(Thread.currentThread()) != null);
  }

  @Test
  void a_cancel_of_a_queued_statement_takes_it_out_of_the_queue() throws Exception {
    CompletableFuture<Statement> queued = new CompletableFuture<>();
    inside(
        () -> {
          try (Connection holder = transaction()) {
            insert(holder, 1);
            Future<?> other =
                onAnotherThread(
                    () -> {
                      try (Connection connection = connection();
                          Statement statement = connection.createStatement()) {
                        queued.complete(statement);
                        statement.execute("INSERT INTO item (id, name) VALUES (2, 'x')");
                      }
                    });
            Statement statement = queued.get(10, TimeUnit.SECONDS);
            awaitQueue();
            statement.cancel();
            assertThat(stateOf(other)).isEqualTo("57014");
            insert(holder, 3);
            holder.commit();
          }
          assertThat(db.ids()).containsExactly(1, 3);
        });
  }

  @Test
  void a_timeout_of_a_statement_that_waited_counts_from_its_turn() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    inside(
        () -> {
          try (Connection holder = transaction()) {
            insert(holder, 1);
            Future<?> other =
                onAnotherThread(
                    () -> {
                      try (Connection connection = connection();
                          Statement statement = connection.createStatement()) {
                        statement.setQueryTimeout(1);
                        begun.countDown();
                        statement.execute("INSERT INTO item (id, name) VALUES (2, 'x')");
                      }
                    });
            assertThat(begun.await(10, TimeUnit.SECONDS)).isTrue();
            value(holder, "SELECT pg_sleep(1.3)");
            holder.commit();
            assertThat(stateOf(other)).isEqualTo("done");
          }
        });
  }

  @Test
  void a_cancel_of_the_running_statement_heals_in_autocommit() throws Exception {
    CompletableFuture<Statement> running = new CompletableFuture<>();
    Future<?> other =
        onAnotherThread(
            () -> {
              insert(connection(), 1);
              try (Connection connection = connection();
                  Statement statement = connection.createStatement()) {
                running.complete(statement);
                statement.execute("SELECT pg_sleep(60)");
              }
            });
    awaitBackendAsleep();
    running.get(10, TimeUnit.SECONDS).cancel();
    assertThat(stateOf(other)).isEqualTo("57014");
    inside(() -> assertThat(db.ids()).containsExactly(1));
  }

  @Test
  void closing_a_connection_whose_statement_runs_elsewhere_hits_only_that() throws Exception {
    CompletableFuture<Connection> running = new CompletableFuture<>();
    Future<?> other =
        onAnotherThread(
            () -> {
              Connection connection = connection();
              running.complete(connection);
              run(connection, "SELECT pg_sleep(60)");
            });
    awaitBackendAsleep();
    running.get(10, TimeUnit.SECONDS).close();
    assertThat(stateOf(other)).isEqualTo("57014");
    inside(() -> insert(connection(), 1));
  }

  @Test
  void an_interrupt_of_a_platform_thread_is_kept_for_after_the_statement() throws Exception {
    CompletableFuture<Thread> thread = new CompletableFuture<>();
    Future<?> other =
        onAnotherThread(
            () -> {
              thread.complete(Thread.currentThread());
              value("SELECT pg_sleep(0.5)");
              assertThat(Thread.interrupted()).isTrue();
              insert(connection(), 1);
            });
    awaitBackendAsleep();
    thread.get(10, TimeUnit.SECONDS).interrupt();
    assertThat(stateOf(other)).isEqualTo("done");
  }

  @Test
  void an_interrupt_in_the_queue_ends_the_wait_with_a_sentence() throws Exception {
    CompletableFuture<Thread> thread = new CompletableFuture<>();
    inside(
        () -> {
          try (Connection holder = transaction()) {
            insert(holder, 1);
            Future<?> other =
                onAnotherThread(
                    () -> {
                      thread.complete(Thread.currentThread());
                      insert(connection(), 2);
                    });
            awaitQueue();
            thread.get(10, TimeUnit.SECONDS).interrupt();
            assertThat(stateOf(other)).isEqualTo(SandboxException.WAIT);
            holder.commit();
          }
        });
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "there are no virtual threads before")
  void an_interrupt_of_a_virtual_thread_cancels_its_statement_and_costs_nothing_else()
      throws Exception {
    CompletableFuture<String> outcome = new CompletableFuture<>();
    Thread virtual =
        startVirtual(
            () -> {
              try {
                inside(
                    () -> {
                      insert(connection(), 1);
                      value("SELECT pg_sleep(60)");
                    });
              } catch (SQLException cancelled) {
                outcome.complete(cancelled.getSQLState() + Thread.currentThread().isInterrupted());
              } catch (Exception | AssertionError other) {
                outcome.completeExceptionally(other);
              }
            });
    awaitBackendAsleep();
    virtual.interrupt();
    assertThat(outcome.get(20, TimeUnit.SECONDS)).isEqualTo("57014true");
    inside(() -> assertThat(db.ids()).containsExactly(1));
  }

  /** Java 17 compiles this, and only a later one runs it. */
  private static Thread startVirtual(Runnable task) throws Exception {
    Method start = Thread.class.getMethod("startVirtualThread", Runnable.class);
    return (Thread) start.invoke(null, task);
  }

  /** Random cancels and interrupts among the work of two sandboxes. */
  @Test
  void whatever_is_cancelled_the_rows_are_those_of_the_statements_that_returned() throws Exception {
    Random random = new Random();
    List<Sandbox> sandboxes = List.of(sandbox, db.open("T.other"));
    List<List<Integer>> returned = List.of(synchronizedList(), synchronizedList());
    List<Future<?>> steps = new ArrayList<>();
    List<CompletableFuture<Statement>> statements = new ArrayList<>();
    for (int i = 0; i < 150; i++) {
      int which = random.nextInt(2);
      int id = i;
      boolean slow = random.nextInt(4) == 0;
      CompletableFuture<Statement> made = new CompletableFuture<>();
      statements.add(made);
      steps.add(
          threads.submit(
              () -> {
                inside(
                    sandboxes.get(which),
                    () -> insertCancellable(id, slow, made, returned.get(which)));
                return null;
              }));
      if (random.nextInt(3) == 0) {
        Statement victim =
            statements.get(random.nextInt(statements.size())).get(20, TimeUnit.SECONDS);
        victim.cancel();
      }
    }
    for (Future<?> step : steps) {
      assertThat(stateOf(step)).isIn("done", "57014");
    }
    for (int which = 0; which < 2; which++) {
      List<Integer> rows = db.in(sandboxes.get(which), db::ids);
      assertThat(rows).containsExactlyInAnyOrderElementsOf(returned.get(which));
    }
    db.run.end(sandboxes.get(1), null);
  }

  private static List<Integer> synchronizedList() {
    return java.util.Collections.synchronizedList(new ArrayList<>());
  }

  private void insertCancellable(
      int id, boolean slow, CompletableFuture<Statement> made, List<Integer> returned)
      throws SQLException {
    try (Connection connection = connection();
        Statement statement = connection.createStatement()) {
      made.complete(statement);
      statement.execute(
          slow
              ? "INSERT INTO item (id, name) SELECT %d, pg_sleep(0.02)::text".formatted(id)
              : "INSERT INTO item (id, name) VALUES (%d, 'x')".formatted(id));
      returned.add(id);
    }
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "there are no virtual threads before")
  void a_virtual_thread_closes_its_connection_after_the_end() throws Exception {
    CompletableFuture<Connection> made = new CompletableFuture<>();
    CompletableFuture<Boolean> ended = new CompletableFuture<>();
    CompletableFuture<Boolean> closed = new CompletableFuture<>();
    startVirtual(
        () -> {
          try {
            Connection connection = connection();
            inside(
                () -> {
                  connection.setAutoCommit(false);
                  insert(connection, 1);
                });
            made.complete(connection);
            ended.get(20, TimeUnit.SECONDS);
            connection.close();
            closed.complete(connection.isClosed());
          } catch (Exception | AssertionError failed) {
            closed.completeExceptionally(failed);
          }
        });
    made.get(20, TimeUnit.SECONDS);
    db.run.end(sandbox, null);
    ended.complete(true);
    assertThat(closed.get(20, TimeUnit.SECONDS)).isTrue();
  }
}
