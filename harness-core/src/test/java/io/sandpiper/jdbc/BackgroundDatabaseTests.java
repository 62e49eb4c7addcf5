package io.sandpiper.jdbc;

import static io.sandpiper.Latches.awaitThoughInterrupted;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tasks that use the database of a test, at its end and after it. */
@Timeout(120)
class BackgroundDatabaseTests {

  private final JdbcFixture fixture = new JdbcFixture();
  private final ExecutorService pool = Executors.newFixedThreadPool(4);
  private final ExecutorService scoped = Sandbox.wrap(pool);

  BackgroundDatabaseTests() throws Exception {}

  @AfterEach
  void stop() throws Exception {
    pool.shutdownNow();
    assertThat(pool.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    fixture.close();
  }

  private Sandbox open(String name, Isolation isolation, Duration drain) {
    return fixture.run.open(Sandbox.Settings.of(name, isolation, this).withDrain(drain));
  }

  @ParameterizedTest
  @EnumSource(names = {"TRANSACTION", "DATABASE"})
  void the_record_is_there_when_the_task_looks_for_it(Isolation isolation) throws Exception {
    Sandbox one = open("T.one", isolation, Duration.ofSeconds(30));
    Sandbox other = open("T.other", isolation, Duration.ofSeconds(30));
    List<List<Integer>> seen = new ArrayList<>();
    CountDownLatch ending = new CountDownLatch(1);
    try (Scope scope = one.test().bind()) {
      fixture.execute("INSERT INTO item (id, name) VALUES (1, 'one')");
      scoped.execute(
          () -> {
            awaitThoughInterrupted(ending);
            scoped.execute(() -> seen.add(ids()));
          });
    }
    try (Scope scope = other.test().bind()) {
      fixture.execute("INSERT INTO item (id, name) VALUES (2, 'other')");
    }
    fixture.run.end(other, null);
    ending.countDown();
    fixture.run.end(one, null);
    assertThat(seen).containsExactly(List.of(1));
    assertThat(Sandbox.outside(this::ids)).isEmpty();
  }

  private List<Integer> ids() {
    try {
      return fixture.ids();
    } catch (SQLException failed) {
      throw new IllegalStateException(failed);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"TRANSACTION", "DATABASE"})
  void a_task_that_outlives_its_owner_is_told_whose_it_was_and_reaches_no_database(
      Isolation isolation) throws Exception {
    Sandbox owner = open("T.owner_exited", isolation, Duration.ofMillis(50));
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch ended = new CountDownLatch(1);
    CountDownLatch told = new CountDownLatch(1);
    AtomicReference<@Nullable SQLException> refusal = new AtomicReference<>();
    try (Scope scope = owner.test().bind()) {
      scoped.execute(
          () -> {
            try (Connection connection = fixture.dataSource.getConnection();
                Statement statement = connection.createStatement()) {
              statement.execute("INSERT INTO item (id, name) VALUES (1, 'in time')");
              running.countDown();
              awaitThoughInterrupted(ended);
              statement.execute("INSERT INTO item (id, name) VALUES (2, 'too late')");
            } catch (SQLException refused) {
              refusal.set(refused);
            } finally {
              told.countDown();
            }
          });
    }
    running.await();
    assertThatThrownBy(() -> fixture.run.end(owner, null))
        .hasMessageContaining("T.owner_exited ended")
        .hasMessageContaining("500 ms later this had not")
        .hasMessageContaining("What is left of it is fenced off from the database now. Await it");
    Sandbox next = open("T.next", isolation, Duration.ofSeconds(30));
    ended.countDown();
    told.await();
    assertThat((Throwable) Objects.requireNonNull(refusal.get()))
        .isInstanceOf(SandboxEndedException.class)
        .hasMessageContaining("T.owner_exited (test id ")
        .hasMessageContaining("task lambda of BackgroundDatabaseTests, submitted at ")
        .hasMessageContaining("await it there, or end it before");
    assertThat(fixture.in(next, this::ids)).isEmpty();
    fixture.run.end(next, null);
    assertThat(Sandbox.outside(this::ids)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(names = {"TRANSACTION", "DATABASE"})
  void a_statement_that_does_not_end_is_cut_at_the_deadline_and_no_neighbour_notices(
      Isolation isolation) throws Exception {
    Sandbox slow = open("T.slow", isolation, Duration.ofMillis(50));
    Sandbox neighbour = open("T.neighbour", isolation, Duration.ofSeconds(30));
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch cut = new CountDownLatch(1);
    try (Scope scope = neighbour.test().bind()) {
      fixture.execute("INSERT INTO item (id, name) VALUES (7, 'neighbour')");
    }
    try (Scope scope = slow.test().bind()) {
      scoped.execute(
          () -> {
            try (Connection connection = fixture.dataSource.getConnection();
                Statement statement = connection.createStatement()) {
              statement.execute("INSERT INTO item (id, name) VALUES (1, 'slow')");
              begun.countDown();
              statement.execute("SELECT pg_sleep(60)");
            } catch (SQLException expected) {
              cut.countDown();
            }
          });
    }
    begun.await();
    long before = System.nanoTime();
    assertThatThrownBy(() -> fixture.run.end(slow, null)).hasMessageContaining("T.slow ended");
    assertThat(cut.await(30, TimeUnit.SECONDS)).isTrue();
    assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(30));
    assertThat(fixture.in(neighbour, this::ids)).containsExactly(7);
    fixture.run.end(neighbour, null);
    assertThat(Sandbox.outside(this::ids)).isEmpty();
  }

  @Test
  void an_inline_task_sees_what_its_submitter_has_not_committed() throws Exception {
    Sandbox sandbox =
        fixture.run.open(
            Sandbox.Settings.of("T.inline", Isolation.TRANSACTION, this)
                .withBackground(io.sandpiper.Sandboxed.Background.INLINE));
    try (Scope scope = sandbox.test().bind()) {
      fixture.execute("INSERT INTO item (id, name) VALUES (1, 'one')");
      assertThat(scoped.submit(this::ids).isDone()).isTrue();
      assertThat(scoped.submit(this::ids).get()).containsExactly(1);
    }
    fixture.run.end(sandbox, null);
  }
}
