package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.JdbcFixture.ids;
import static io.sandpiper.jdbc.JdbcFixture.insert;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Warnings;
import io.sandpiper.context.Scope;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class UnownedTests {

  private final ExecutorService stranger =
      Executors.newSingleThreadExecutor(task -> new Thread(task, "stranger"));
  private JdbcFixture db;
  private SandboxDataSource shared;

  @BeforeEach
  void open() throws Exception {
    db = new JdbcFixture();
    shared = wrap(Unowned.SHARED);
  }

  @AfterEach
  void the_database_is_as_before() throws Exception {
    stranger.shutdownNow();
    assertThat(db.committed()).isEmpty();
    shared.close();
    db.close();
  }

  private SandboxDataSource wrap(Unowned unowned) {
    return SandboxDataSource.wrap(
        db.pool,
        new SandboxDataSource.Rules(
            unowned, false, () -> false, Duration.ofSeconds(10), CloneSettings.of(name -> null)),
        db.run);
  }

  /** Work of no test, on a thread of its own. */
  private List<Integer> strange(SandboxDataSource dataSource, int id) throws Exception {
    Future<List<Integer>> result =
        stranger.submit(
            () -> {
              try (Connection connection = dataSource.getConnection()) {
                insert(connection, id);
                return ids(connection);
              }
            });
    return result.get(30, TimeUnit.SECONDS);
  }

  @Test
  void refused_access_names_thread_statement_call_site_and_remedies() {
    assertThatThrownBy(() -> strange(db.dataSource, 1))
        .cause()
        .isInstanceOf(UnownedAccessException.class)
        .hasMessageContaining("Thread stranger works for no test")
        .hasMessageContaining("INSERT INTO item")
        .hasMessageContaining("at io.sandpiper.jdbc.JdbcFixture.insert(JdbcFixture.java:")
        .hasMessageContaining("Sandbox.wrap(…)")
        .hasMessageContaining("@BeforeAll")
        .hasMessageContaining("sandpiper.unowned=pass-through")
        .hasMessageContaining("sandpiper.unowned=shared");
  }

  @Test
  void who_swallows_a_refusal_finds_it_in_the_log_once_for_each_place() throws Throwable {
    SandboxDataSource refusing = wrap(Unowned.REFUSE);
    List<String> warnings =
        Warnings.of(
            RefusalLog.class,
            () -> {
              for (int i = 0; i < 3; i++) {
                assertThatThrownBy(() -> strange(refusing, 1)).isNotNull();
                try (Connection connection = refusing.getConnection()) {
                  assertThatThrownBy(() -> ids(connection)).isNotNull();
                }
              }
            });
    refusing.close();
    assertThat(warnings)
        .satisfiesExactly(
            insert -> assertThat(insert).contains("Thread stranger works for no test", "INSERT"),
            query -> assertThat(query).contains("createStatement()"));
  }

  @Test
  void without_spring_a_system_property_says_what_becomes_of_it() {
    assertThat(Unowned.of(name -> null)).isEqualTo(Unowned.REFUSE);
    assertThat(Unowned.of(Map.of("sandpiper.unowned", "pass-through")::get))
        .isEqualTo(Unowned.PASS_THROUGH);
    assertThatThrownBy(() -> Unowned.of(Map.of("sandpiper.unowned", "perhaps")::get))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("sandpiper.unowned is 'perhaps'. Set it to refuse, pass-through or shared.");
  }

  @Test
  void the_only_open_sandbox_is_shared() throws Exception {
    Sandbox sandbox = db.open("S.only");
    Sandbox apart = db.run.open(Sandbox.Settings.of("S.apart", Isolation.NONE, this));
    db.in(sandbox, () -> write(1));
    assertThat(strange(shared, 2)).containsExactly(1, 2);
    assertThat(db.<List<Integer>>in(sandbox, db::ids)).containsExactly(1, 2);
    db.run.end(apart, null);
    db.run.end(sandbox, null);
  }

  private Void write(int id) throws SQLException {
    try (Connection connection = shared.getConnection()) {
      insert(connection, id);
    }
    return null;
  }

  @Test
  void with_none_open_it_is_refused() throws Exception {
    assertThatThrownBy(() -> strange(shared, 1))
        .cause()
        .isInstanceOf(UnownedAccessException.class)
        .hasMessageContaining("none with isolation TRANSACTION or DATABASE is open")
        .hasMessageContaining("Sandbox.outside(…)");
    db.run.end(db.open("S.ended"), null);
    assertThatThrownBy(() -> strange(shared, 1)).hasMessageContaining("none with isolation");
  }

  @Test
  void with_several_open_it_is_refused_and_they_are_named() {
    Sandbox one = db.open("S.one");
    Sandbox other = db.open("S.other");
    assertThatThrownBy(() -> strange(shared, 1))
        .cause()
        .isInstanceOf(UnownedAccessException.class)
        .hasMessageContaining("2 are open (S.one, S.other): run such tests one at a time");
    db.run.end(one, null);
    assertThat(unfailing(() -> strange(shared, 1))).containsExactly(1);
    db.run.end(other, null);
  }

  private interface Asking {
    List<Integer> ask() throws Exception;
  }

  private static List<Integer> unfailing(Asking asking) {
    try {
      return asking.ask();
    } catch (Exception failed) {
      throw new AssertionError(failed);
    }
  }

  @Test
  void a_connection_stays_in_the_sandbox_that_it_found() throws Exception {
    Sandbox one = db.open("S.one");
    Connection kept = shared.getConnection();
    insert(kept, 1);
    Sandbox other = db.open("S.other");
    insert(kept, 2);
    assertThat(db.<List<Integer>>in(one, db::ids)).containsExactly(1, 2);
    assertThat(db.<List<Integer>>in(other, db::ids)).isEmpty();
    db.run.end(one, null);
    assertThatThrownBy(() -> insert(kept, 3))
        .isInstanceOf(SandboxEndedException.class)
        .hasMessageContaining("no test's work, called from io.sandpiper.jdbc.JdbcFixture.insert(");
    kept.close();
    db.run.end(other, null);
  }

  @Test
  void work_of_a_test_uses_its_own_sandbox_whatever_is_open() throws Exception {
    Sandbox one = db.open("S.one");
    Sandbox other = db.open("S.other");
    db.in(one, () -> write(1));
    db.in(other, () -> write(2));
    assertThat(db.<List<Integer>>in(one, db::ids)).containsExactly(1);
    assertThat(db.<List<Integer>>in(other, db::ids)).containsExactly(2);
    db.run.end(one, null);
    db.run.end(other, null);
  }

  @Test
  void passed_through_access_commits() throws Exception {
    SandboxDataSource through = wrap(Unowned.PASS_THROUGH);
    assertThat(strange(through, 1)).containsExactly(1);
    assertThat(db.committed()).containsExactly(1);
    Sandbox.outside(
        () -> {
          db.execute("DELETE FROM item");
          return null;
        });
    through.close();
  }

  @Test
  void a_task_of_an_ended_test_is_named_with_the_place_of_its_submission() throws Exception {
    Sandbox sandbox = db.open("S.ended");
    Runnable task;
    try (Scope scope = sandbox.test().bind()) {
      task = Sandbox.wrap(new Late());
      Sandbox.wrap((Runnable) () -> {}).run();
    }
    Sandbox ending = sandbox;
    assertThatThrownBy(() -> db.run.end(ending, new AssertionError("the test's own")))
        .hasMessageContaining(
            "task UnownedTests$Late, wrapped at io.sandpiper.jdbc.UnownedTests.a_task_of_an_ended_test")
        .hasMessageContaining("was wrapped and has not been run");
    Future<?> late = stranger.submit(task);
    assertThatThrownBy(() -> late.get(30, TimeUnit.SECONDS))
        .rootCause()
        .isInstanceOf(SandboxEndedException.class)
        .hasMessageContaining("refused on thread stranger (task UnownedTests$Late, wrapped at")
        .hasMessageContaining("UnownedTests.a_task_of_an_ended_test");
  }

  private final class Late implements Runnable {
    @Override
    public void run() {
      try {
        write(1);
      } catch (SQLException refused) {
        throw new IllegalStateException(refused);
      }
    }
  }
}
