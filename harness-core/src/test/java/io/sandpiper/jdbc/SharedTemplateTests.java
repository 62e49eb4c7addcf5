package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.SandboxAssertions;
import io.sandpiper.context.Scope;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

/** Templates of a database to which several wrapped pools of a JVM lead, while tests use them. */
class SharedTemplateTests {

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private JdbcFixture one;
  private JdbcFixture two;

  @BeforeEach
  void open() throws Exception {
    one = new JdbcFixture();
    two = JdbcFixture.on(one.database);
  }

  @AfterEach
  void close() throws Exception {
    threads.shutdownNow();
    two.close();
    one.close();
    assertThat(one.databasesForTests()).isEmpty();
  }

  private static String use(JdbcFixture db, Sandbox sandbox) throws Exception {
    return db.in(
        sandbox,
        () -> {
          db.execute("INSERT INTO item (id, name) VALUES (1, 'x')");
          return db.dataSource.databaseName(sandbox);
        });
  }

  private static <T> T get(Future<T> future) throws Exception {
    return future.get(30, TimeUnit.SECONDS);
  }

  private void awaitClosedGate() {
    Gate gate =
        Run.ofThisJvm()
            .shared(Servers.class, Servers::new)
            .gate(
                Objects.requireNonNull(
                    Destination.of(one.database.url(), one.database.user(), new Properties(), "")));
    Sandbox waiter = one.open("T.waiter", Isolation.NONE);
    try (Scope scope = waiter.test().bind()) {
      SandboxAssertions.assertEventually(
          () -> assertThat(gate.isOpenFor(this)).isFalse(), Duration.ofSeconds(20));
    }
    one.run.end(waiter, null);
  }

  @Test
  void what_another_pool_keeps_idle_is_in_nobodys_way() throws Exception {
    two.pool.setMinimumIdle(2);
    try (Connection first = two.pool.getConnection();
        Connection second = two.pool.getConnection()) {
      assertThat(first.isValid(1) && second.isValid(1)).isTrue();
    }
    one.pool.setConnectionTimeout(2000);
    Sandbox sandbox = one.open("T.test", Isolation.DATABASE);
    use(one, sandbox);
    assertThat(two.pool.getMinimumIdle()).isEqualTo(2);
    assertThat(two.committed()).isEmpty();
    one.run.end(sandbox, null);
  }

  @RepeatedTest(3)
  void two_pools_that_need_a_template_at_once_share_it() throws Exception {
    assertThat(one.committed()).isEqualTo(two.committed()).isEmpty();
    Sandbox first = one.open("T.first", Isolation.DATABASE);
    Sandbox second = two.open("T.second", Isolation.DATABASE);
    Future<String> used = threads.submit(() -> use(one, first));
    Future<String> alsoUsed = threads.submit(() -> use(two, second));
    assertThat(get(used)).isNotEqualTo(get(alsoUsed));
    assertThat(one.templates()).hasSize(1);
    one.run.end(first, null);
    two.run.end(second, null);
  }

  @Test
  void what_set_up_commits_through_one_pool_the_tests_of_the_other_have() throws Exception {
    Sandbox before = one.open("T.before", Isolation.DATABASE);
    use(one, before);
    Sandbox.outside(
        () -> {
          two.execute("INSERT INTO item (id, name) VALUES (5, 'set-up')");
          return null;
        });
    Sandbox after = one.open("T.after", Isolation.DATABASE);
    List<Integer> rows = one.in(after, one::ids);
    assertThat(rows).containsExactly(5);
    one.run.end(before, null);
    one.run.end(after, null);
  }

  @Test
  void open_tests_go_on_while_the_template_waits_for_them_and_new_ones_wait() throws Exception {
    Sandbox open = two.open("T.open");
    two.in(open, two::ids);
    Sandbox sandbox = one.open("T.test", Isolation.DATABASE);
    Future<String> used = threads.submit(() -> use(one, sandbox));
    awaitClosedGate();
    // Its sandbox has a connection of the other pool as well, and one for set-up.
    Callable<List<Integer>> reading = () -> two.in(open, one::ids);
    assertThat(get(threads.submit(reading))).isEmpty();
    Callable<List<Integer>> outside = () -> two.in(open, one::committed);
    assertThat(get(threads.submit(outside))).isEmpty();
    Sandbox late = two.open("T.late");
    Future<List<Integer>> lateRows = threads.submit(() -> two.in(late, two::ids));
    assertThatThrownBy(() -> lateRows.get(100, TimeUnit.MILLISECONDS))
        .isInstanceOf(TimeoutException.class);
    assertThat(used).isNotDone();
    two.run.end(open, null);
    get(used);
    assertThat(get(lateRows)).isEmpty();
    one.run.end(sandbox, null);
    two.run.end(late, null);
  }

  @Test
  void a_test_and_a_thread_in_the_way_are_named_with_what_to_do() throws Exception {
    one.pool.setConnectionTimeout(500);
    Sandbox open = two.open("T.open");
    two.in(open, two::ids);
    Sandbox setUp = two.open("T.setUp", Isolation.NONE);
    Connection held = two.in(setUp, () -> inUse(two.dataSource.getConnection()));
    Connection unowned = Sandbox.outside(() -> inUse(one.dataSource.getConnection()));
    Sandbox sandbox = one.open("T.test", Isolation.DATABASE);
    assertThatThrownBy(() -> use(one, sandbox))
        .isInstanceOf(SandboxException.class)
        .hasMessageContaining("T.test has no database")
        .hasMessageContaining("T.open (test id %s) (pid ", open.id())
        .hasMessageContaining("T.setUp (test id %s) (pid ", setUp.id())
        .hasMessageContaining("thread \"%s\" outside of tests", Thread.currentThread().getName())
        .hasMessageContaining("prepareTemplate()")
        .hasMessageNotContaining("another run");
    unowned.close();
    held.close();
    two.run.end(open, null);
    use(one, sandbox);
    two.run.end(setUp, null);
    one.run.end(sandbox, null);
  }

  private static Connection inUse(Connection connection) throws Exception {
    assertThat(JdbcFixture.ids(connection)).isEmpty();
    return connection;
  }

  @RepeatedTest(3)
  void a_mixed_suite_needs_no_template_beforehand() throws Exception {
    List<Future<List<Integer>>> results = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      int id = i;
      results.add(threads.submit(() -> test(id % 4 < 2 ? one : two, id)));
    }
    for (int i = 0; i < results.size(); i++) {
      assertThat(get(results.get(i))).containsExactly(i);
    }
    assertThat(one.committed()).isEmpty();
  }

  private static List<Integer> test(JdbcFixture db, int id) throws Exception {
    Isolation isolation = id % 2 == 0 ? Isolation.DATABASE : Isolation.TRANSACTION;
    Sandbox sandbox = db.open("T.mixed" + id, isolation);
    try {
      return db.in(
          sandbox,
          () -> {
            db.execute("INSERT INTO item (id, name) VALUES (%d, 'x')".formatted(id));
            return db.ids();
          });
    } finally {
      db.run.end(sandbox, null);
    }
  }
}
