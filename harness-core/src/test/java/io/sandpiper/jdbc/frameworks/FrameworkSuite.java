package io.sandpiper.jdbc.frameworks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Sandbox;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.dao.DataAccessException;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.test.context.TestPropertySource;
import org.springframework.test.context.junit.jupiter.SpringExtension;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** What every framework does inside a sandbox as it does in production, two tests at a time. */
@ExtendWith({SpringExtension.class, NothingLeft.class})
@TestPropertySource(
    properties = {
      "spring.autoconfigure.exclude=",
      "spring.task.execution.pool.core-size=4",
      "spring.datasource.hikari.maximum-pool-size=4",
      "spring.datasource.hikari.data-source-properties.reWriteBatchedInserts=true"
    })
@Execution(ExecutionMode.CONCURRENT)
abstract class FrameworkSuite {

  static final int MANY = 200;

  @Autowired Names names;
  @Autowired NameService service;
  @Autowired AsyncTaskExecutor executor;
  private String suffix = "";

  @BeforeEach
  void names_of_this_test(Sandbox sandbox) {
    suffix = "-" + sandbox.id().sequence();
  }

  /** A name that no other test uses: a unique key is locked until the end of a sandbox. */
  final String own(String name) {
    return name + suffix;
  }

  final List<String> many() {
    return IntStream.range(0, MANY).mapToObj(i -> own("many%03d".formatted(i))).toList();
  }

  @Twice
  void each_test_sees_its_own_rows(Pair pair) throws InterruptedException {
    names.add(own("a"));
    names.add(own("b"));
    names.add(own("c"));
    pair.meet();
    assertThat(names.all()).containsExactly(own("a"), own("b"), own("c"));
    names.rename(own("a"), own("d"));
    pair.meet();
    names.remove(own("b"));
    pair.meet();
    assertThat(names.all()).containsExactly(own("c"), own("d"));
  }

  @Twice
  void tasks_on_shared_threads_work_in_the_sandbox_of_their_test(Pair pair) throws Exception {
    names.add(own("a"));
    List<Future<?>> tasks = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      String name = own("task%02d".formatted(i));
      boolean rollsBack = i % 3 == 2;
      tasks.add(executor.submit(() -> addInTransaction(name, rollsBack)));
      tasks.add(executor.submit(() -> assertThat(names.all()).contains(own("a"))));
    }
    pair.meet();
    for (Future<?> task : tasks) {
      task.get(30, TimeUnit.SECONDS);
    }
    assertThat(names.all()).hasSize(9).allMatch(name -> name.endsWith(suffix));
  }

  private void addInTransaction(String name, boolean rollsBack) {
    Consumer<Names> work =
        table -> {
          table.add(name);
          assertThat(table.all()).contains(name);
          if (rollsBack) {
            throw new Thrown();
          }
        };
    if (rollsBack) {
      assertThatThrownBy(() -> service.in(work)).isInstanceOf(Thrown.class);
    } else {
      service.in(work);
    }
  }

  /** What a service of an application throws. */
  static final class Thrown extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  @Twice
  void a_service_that_throws_rolls_back(Pair pair) throws InterruptedException {
    service.in(table -> table.add(own("kept")));
    pair.meet();
    assertThatThrownBy(
            () ->
                service.in(
                    table -> {
                      table.add(own("undone"));
                      table.rename(own("kept"), own("renamed"));
                      throw new Thrown();
                    }))
        .isInstanceOf(Thrown.class);
    pair.meet();
    assertThat(names.all()).containsExactly(own("kept"));
  }

  @Twice
  void a_broken_constraint_is_translated_and_rolls_back(Pair pair) throws InterruptedException {
    names.add(own("a"));
    assertThatThrownBy(
            () ->
                service.in(
                    table -> {
                      table.add(own("b"));
                      table.add(own("a"));
                    }))
        .isInstanceOf(DataIntegrityViolationException.class)
        .satisfies(thrown -> assertThat(sqlStates(thrown)).startsWith("23505"));
    pair.meet();
    assertThatThrownBy(() -> names.add(own("a")))
        .isInstanceOf(DataIntegrityViolationException.class);
    names.add(own("c"));
    assertThat(names.all()).containsExactly(own("a"), own("c"));
  }

  @Twice
  void a_transaction_with_an_error_does_nothing_more_until_its_rollback(Pair pair)
      throws InterruptedException {
    names.add(own("a"));
    pair.meet();
    assertThatThrownBy(
            () ->
                service.in(
                    table -> {
                      table.add(own("b"));
                      assertThatThrownBy(() -> table.add(own("a")))
                          .isInstanceOf(DataAccessException.class);
                      table.all();
                    }))
        .satisfies(thrown -> assertThat(sqlStates(thrown)).startsWith("25P02"));
    assertThat(names.all()).containsExactly(own("a"));
  }

  @Twice
  void requires_new_commits_apart_from_its_outer_transaction(Pair pair)
      throws InterruptedException {
    service.in(
        table -> {
          table.add(own("a outer"));
          service.inNew(inner -> inner.add(own("b inner")));
          table.add(own("c outer"));
          assertThatThrownBy(
                  () ->
                      service.inNew(
                          inner -> {
                            inner.add(own("d undone"));
                            throw new Thrown();
                          }))
              .isInstanceOf(Thrown.class);
          table.add(own("e outer"));
        });
    pair.meet();
    assertThat(names.all())
        .containsExactly(own("a outer"), own("b inner"), own("c outer"), own("e outer"));
  }

  @Twice
  void what_requires_new_committed_first_survives_the_outer_rollback(Pair pair)
      throws InterruptedException {
    assertThatThrownBy(
            () ->
                service.in(
                    table -> {
                      service.inNew(inner -> inner.add(own("audit")));
                      table.add(own("undone"));
                      throw new Thrown();
                    }))
        .isInstanceOf(Thrown.class);
    pair.meet();
    assertThat(names.all()).containsExactly(own("audit"));
  }

  @Twice
  void a_read_only_transaction_reads_and_does_not_write(Pair pair) throws InterruptedException {
    names.add(own("a"));
    pair.meet();
    assertThat(service.reading(Names::all)).containsExactly(own("a"));
    assertThatThrownBy(
            () ->
                service.reading(
                    table -> {
                      table.add(own("b"));
                      return table.all();
                    }))
        .satisfies(thrown -> assertThat(sqlStates(thrown)).startsWith("25006"));
    service.in(table -> table.add(own("c")));
    assertThat(names.all()).containsExactly(own("a"), own("c"));
  }

  @Twice
  void an_isolation_level_and_a_timeout_may_be_asked_for(Pair pair) throws InterruptedException {
    service.serializably(table -> table.add(own("a")));
    pair.meet();
    service.serializably(table -> assertThat(table.all()).containsExactly(own("a")));
  }

  @Twice
  void a_batch_is_written_and_read_by_a_cursor(Pair pair) throws InterruptedException {
    service.addAll(many());
    pair.meet();
    assertThat(names.all()).containsExactlyElementsOf(many());
    service.in(
        table -> {
          List<String> read = new ArrayList<>();
          try (Stream<String> rows = table.stream()) {
            rows.forEach(
                name -> {
                  read.add(name);
                  if (read.size() == MANY / 2) {
                    table.add(own("meanwhile"));
                  }
                });
          }
          assertThat(read).containsExactlyElementsOf(many());
        });
    assertThat(names.all()).hasSize(MANY + 1);
  }

  @Twice
  void a_cursor_in_a_transaction_of_set_up_leaves_its_connection_open(Pair pair) throws Exception {
    pair.meet();
    Sandbox.outside(
        () -> {
          assertThatThrownBy(
                  () ->
                      service.in(
                          table -> {
                            try (Stream<String> rows = table.stream()) {
                              assertThat(rows).isEmpty();
                            }
                            table.add(own("undone"));
                            throw new Thrown();
                          }))
              .isInstanceOf(Thrown.class);
          return null;
        });
    assertThat(names.all()).isEmpty();
  }

  @Twice
  void a_batch_that_breaks_a_constraint_leaves_nothing(Pair pair) throws InterruptedException {
    names.add(many().get(MANY - 1));
    pair.meet();
    assertThatThrownBy(() -> service.addAll(many()))
        .isInstanceOf(DataIntegrityViolationException.class);
    assertThat(names.all()).containsExactly(many().get(MANY - 1));
  }

  @Twice
  void callbacks_run_around_the_commit_in_order(Pair pair) throws InterruptedException {
    List<String> calls = new ArrayList<>();
    service.in(
        table -> {
          register(calls, "first");
          register(calls, "second");
          service.addAndTell(own("a"), name -> calls.add("event " + name));
          assertThat(calls).isEmpty();
        });
    pair.meet();
    assertThat(calls)
        .containsExactly(
            "first beforeCommit",
            "second beforeCommit",
            "first beforeCompletion",
            "second beforeCompletion",
            "first afterCommit",
            "second afterCommit",
            "first afterCompletion 0",
            "second afterCompletion 0",
            "event " + own("a"));
    assertThat(names.all())
        .containsExactly(own("a"), own("after commit of first"), own("after commit of second"));
  }

  private void register(List<String> calls, String callback) {
    TransactionSynchronizationManager.registerSynchronization(
        new TransactionSynchronization() {
          @Override
          public void beforeCommit(boolean readOnly) {
            calls.add(callback + " beforeCommit");
          }

          @Override
          public void beforeCompletion() {
            calls.add(callback + " beforeCompletion");
          }

          @Override
          public void afterCommit() {
            calls.add(callback + " afterCommit");
            service.inNew(table -> table.add(own("after commit of " + callback)));
          }

          @Override
          public void afterCompletion(int status) {
            calls.add(callback + " afterCompletion " + status);
          }
        });
  }

  @Twice
  void after_a_rollback_nobody_is_told_of_a_commit(Pair pair) throws InterruptedException {
    List<String> calls = new ArrayList<>();
    assertThatThrownBy(
            () ->
                service.in(
                    table -> {
                      register(calls, "only");
                      service.addAndTell(own("a"), name -> calls.add("event " + name));
                      throw new Thrown();
                    }))
        .isInstanceOf(Thrown.class);
    pair.meet();
    assertThat(calls).containsExactly("only beforeCompletion", "only afterCompletion 1");
    assertThat(names.all()).isEmpty();
  }

  @Twice
  void a_listener_of_a_commit_writes_on_a_shared_thread(Pair pair) throws Exception {
    List<Future<?>> begun = new ArrayList<>();
    service.addAndTell(
        own("a"), name -> begun.add(executor.submit(() -> names.add("by listener of " + name))));
    pair.meet();
    begun.get(0).get(30, TimeUnit.SECONDS);
    assertThat(names.all()).containsExactly(own("a"), "by listener of " + own("a"));
  }

  /** Those of an exception and its causes, from outside to inside. */
  private static List<String> sqlStates(Throwable thrown) {
    return Stream.<Throwable>iterate(thrown, Objects::nonNull, Throwable::getCause)
        .filter(SQLException.class::isInstance)
        .map(cause -> ((SQLException) cause).getSQLState())
        .toList();
  }

  /** For the transaction managers that have savepoints. */
  final void nestedTransactions() {
    service.in(
        table -> {
          table.add(own("a"));
          assertThatThrownBy(
                  () ->
                      service.nested(
                          nested -> {
                            nested.add(own("b"));
                            throw new Thrown();
                          }))
              .isInstanceOf(Thrown.class);
          service.nested(nested -> nested.add(own("c")));
          table.add(own("d"));
        });
    assertThat(names.all()).containsExactly(own("a"), own("c"), own("d"));
  }

  /** As {@link #nestedTransactions()}, where SQL fails inside. */
  final void nestedTransactionsWithAnError() {
    service.in(
        table -> {
          table.add(own("a"));
          assertThatThrownBy(
                  () ->
                      service.nested(
                          nested -> {
                            nested.add(own("b"));
                            nested.add(own("a"));
                          }))
              .isInstanceOf(DataIntegrityViolationException.class);
          table.add(own("c"));
        });
    assertThat(names.all()).containsExactly(own("a"), own("c"));
  }

  /** For frameworks that write without a session of their own: it commits, after all. */
  final void writeAfterCommit() {
    service.in(
        table -> {
          TransactionSynchronizationManager.registerSynchronization(
              new TransactionSynchronization() {
                @Override
                public void afterCommit() {
                  names.add(own("after"));
                }
              });
          table.add(own("before"));
        });
    assertThat(names.all()).containsExactly(own("after"), own("before"));
  }
}
