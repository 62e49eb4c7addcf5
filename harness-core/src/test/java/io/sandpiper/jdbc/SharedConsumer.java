package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.CountedWork;
import io.sandpiper.Sandbox;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A singleton that starts the thread which writes for all tests when the first of them needs it;
 * run by the tests of the agent.
 */
@Timeout(60)
public class SharedConsumer {

  private static final AtomicReference<@Nullable SandboxDataSource> DATABASE =
      new AtomicReference<>();

  /** Writes a row for each number that it is told, and says what became of it. */
  static final class AuditLog {

    static final AuditLog INSTANCE = new AuditLog();

    private final BlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();
    private final BlockingQueue<Optional<SQLException>> outcomes = new LinkedBlockingQueue<>();

    private AuditLog() {
      Thread thread = new Thread(this::consume, "audit-log");
      thread.setDaemon(true);
      thread.start();
    }

    private void consume() {
      try {
        while (true) {
          queue.take().run();
        }
      } catch (InterruptedException ended) {
        Thread.currentThread().interrupt();
      }
    }

    private void write(int id) {
      SandboxDataSource database = DATABASE.get();
      if (database == null) {
        throw new IllegalStateException("There is no database.");
      }
      try (Connection connection = database.getConnection()) {
        JdbcFixture.insert(connection, id);
        outcomes.add(Optional.empty());
      } catch (SQLException refused) {
        outcomes.add(Optional.of(refused));
      }
    }

    Optional<SQLException> log(int id) throws InterruptedException {
      queue.add(() -> write(id));
      return outcomes.take();
    }

    Optional<SQLException> logWrapped(int id) throws InterruptedException {
      queue.add(Sandbox.wrap(() -> write(id)));
      return outcomes.take();
    }
  }

  private JdbcFixture db;

  @BeforeEach
  void open() throws Exception {
    db = new JdbcFixture();
    DATABASE.set(db.dataSource);
  }

  @AfterEach
  void close() throws Exception {
    assertThat(db.committed()).isEmpty();
    DATABASE.set(null);
    db.close();
  }

  @Test
  void writes_nothing_in_the_sandbox_of_another_test() throws Exception {
    Sandbox first = db.open("C.first");
    Sandbox second = db.open("C.second");
    assertRefused(db.in(first, () -> AuditLog.INSTANCE.log(1)));
    assertRefused(db.in(second, () -> AuditLog.INSTANCE.log(2)));
    assertThat(CountedWork.of(first)).as("the thread is not waited for").isZero();
    assertThat(db.<List<Integer>>in(first, db::ids)).isEmpty();
    assertThat(db.<List<Integer>>in(second, db::ids)).isEmpty();
    db.run.end(first, null);
    assertRefused(db.in(second, () -> AuditLog.INSTANCE.log(3)));
    db.run.end(second, null);
  }

  private static void assertRefused(Optional<SQLException> outcome) {
    assertThat(outcome)
        .get()
        .isInstanceOf(UnownedAccessException.class)
        .asString()
        .contains("Thread audit-log (task ", "begun by the initializer of ", "AuditLog at ")
        .contains("give it tasks that are wrapped");
  }

  @Test
  void writes_for_whichever_test_has_wrapped_what_it_takes() throws Exception {
    Sandbox first = db.open("C.first");
    Sandbox second = db.open("C.second");
    for (int id = 0; id < 20; id += 2) {
      int own = id;
      assertThat(db.in(first, () -> AuditLog.INSTANCE.logWrapped(own))).isEmpty();
      assertThat(db.in(second, () -> AuditLog.INSTANCE.logWrapped(own + 1))).isEmpty();
    }
    assertThat(db.<List<Integer>>in(first, db::ids)).hasSize(10).allMatch(id -> id % 2 == 0);
    db.run.end(first, null);
    assertThat(db.<List<Integer>>in(second, db::ids)).hasSize(10).allMatch(id -> id % 2 == 1);
    db.run.end(second, null);
  }
}
