package io.sandpiper.jdbc;

import static io.sandpiper.Schedules.oneOf;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import io.sandpiper.jdbc.SandboxModel.Handle;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Sandboxes of both isolations over shared threads, with random work, meddling and ends; whatever
 * goes wrong is kept, for the threads go on.
 */
final class RandomSchedule implements AutoCloseable {

  /** More than may wait inside a transaction for another connection of the same test. */
  static final int CONNECTIONS = 40;

  private static final int SLOTS = 6;
  private static final int STEPS = 90;
  private static final int IN_FLIGHT = 12;
  private static final int PATIENCE_SECONDS = 25;
  private static final Duration LONG_DRAIN = Duration.ofSeconds(20);
  private static final Duration SHORT_DRAIN = Duration.ofMillis(300);

  final List<SandboxModel> models = new CopyOnWriteArrayList<>();
  final List<Throwable> wrong = new CopyOnWriteArrayList<>();

  private final JdbcFixture db;
  private final WireTap tap;
  private final Meddler meddler;
  private final Set<Long> rowsBefore;
  private final Random random;
  private final ExecutorService threads;
  private final ExecutorService others = Executors.newCachedThreadPool();
  private final AtomicInteger numbers = new AtomicInteger();
  private final Semaphore inFlight = new Semaphore(IN_FLIGHT);
  private final SandboxModel[] slots = new SandboxModel[SLOTS];
  private final List<Future<?>> steps = new ArrayList<>();

  RandomSchedule(
      JdbcFixture db, WireTap tap, RealDatabase database, Random random, ExecutorService threads)
      throws SQLException {
    this.db = db;
    this.tap = tap;
    this.meddler = new Meddler(database, tap);
    this.rowsBefore = database.rows();
    this.random = random;
    this.threads = threads;
  }

  /** Something that a thread does to a sandbox. */
  @FunctionalInterface
  private interface Action {
    void run() throws Exception;
  }

  void run() throws Exception {
    for (int slot = 0; slot < SLOTS; slot++) {
      slots[slot] = open(slot);
    }
    for (int i = 0; i < STEPS; i++) {
      step(random.nextInt(SLOTS));
    }
    for (SandboxModel model : slots) {
      byOthers(model, () -> end(model, true));
    }
    for (Future<?> step : steps) {
      step.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
    for (SandboxModel model : models) {
      for (Future<?> unit : model.units) {
        unit.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      }
      watched(model, () -> useLate(model, random)).run();
    }
  }

  private void step(int slot) throws InterruptedException {
    SandboxModel model = slots[slot];
    Random own = new Random(random.nextLong());
    int choice = random.nextInt(100);
    if (choice < 64) {
      model.units.add(submitUnit(model, own));
    } else if (choice < 73) {
      byOthers(model, () -> meddler.cancel(model, own));
    } else if (choice < 77) {
      byOthers(model, () -> meddler.close(model, own));
    } else if (choice < 83) {
      meddler.interrupt(model);
    } else if (choice < 85) {
      byOthers(model, () -> meddler.kill(model));
    } else if (choice < 93) {
      SandboxModel late = oneOf(random, models);
      steps.add(threads.submit(watched(late, () -> useLate(late, own))));
    } else {
      boolean quietly = random.nextBoolean();
      slots[slot] = open(slot);
      byOthers(model, () -> end(model, quietly));
    }
    if (model.abandoned && slots[slot] == model) {
      slots[slot] = open(slot);
      byOthers(model, () -> end(model, false));
    }
  }

  private SandboxModel open(int slot) {
    boolean mayAbandon = random.nextInt(4) == 0;
    Isolation isolation = slot == 0 ? Isolation.DATABASE : Isolation.TRANSACTION;
    Sandbox sandbox =
        db.run.open(
            Sandbox.Settings.of("T." + isolation, isolation, this)
                .withBackgroundErrors(mayAbandon ? BackgroundErrors.REPORT : BackgroundErrors.FAIL)
                .withDrain(mayAbandon ? SHORT_DRAIN : LONG_DRAIN));
    SandboxModel model = new SandboxModel(sandbox, mayAbandon);
    models.add(model);
    return model;
  }

  private void byOthers(SandboxModel model, Action action) {
    steps.add(others.submit(watched(model, action)));
  }

  /** Whatever goes wrong is kept with the schedule of the sandbox. */
  private Runnable watched(SandboxModel model, Action action) {
    return () -> {
      try {
        action.run();
      } catch (Throwable thrown) {
        model.note("WRONG: " + thrown);
        thrown.addSuppressed(new AssertionError("It is about " + model.sandbox));
        wrong.add(thrown);
      }
    };
  }

  private Future<?> submitUnit(SandboxModel model, Random own) throws InterruptedException {
    assertThat(inFlight.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)).isTrue();
    Work work = model.sandbox.begin("unit");
    return threads.submit(
        watched(
            model,
            () -> {
              try (Scope scope = (work == null ? model.sandbox.test() : work).bind()) {
                unit(model, own);
              } finally {
                if (work != null) {
                  work.finish(null);
                }
                inFlight.release();
              }
            }));
  }

  private void unit(SandboxModel model, Random own) throws Exception {
    model.busy.add(Thread.currentThread());
    try {
      RandomUnit.run(model, new RandomUnit.Source(db.dataSource, numbers), own);
    } catch (SQLException failed) {
      model.note("failed: %s %s".formatted(failed.getSQLState(), failed.getMessage()));
      if (!model.excuses(failed)) {
        throw failed;
      }
    } finally {
      synchronized (model.busy) {
        model.busy.remove(Thread.currentThread());
        if (Thread.interrupted()) {
          model.note("was interrupted");
        }
      }
    }
  }

  /** Uses what was open at the end, and what is opened after it. */
  private void useLate(SandboxModel model, Random own) throws Exception {
    if (model.endedAt == null) {
      return;
    }
    model.note("is used late");
    for (Handle handle : model.handles) {
      assertRefused(model, () -> late(handle.statement, model, handle.number));
    }
    try (Scope scope = model.sandbox.test().bind();
        Connection connection = db.dataSource.getConnection()) {
      if (own.nextBoolean()) {
        connection.setAutoCommit(false);
        // Without a statement there is nothing to commit.
        connection.commit();
      }
      assertRefused(
          model,
          () -> {
            try (Statement statement = connection.createStatement()) {
              late(statement, model, 0);
            }
          });
    } catch (SandboxEndedException refused) {
      model.note("has no connection any more");
    }
  }

  private static void late(Statement statement, SandboxModel model, int handle)
      throws SQLException {
    statement.execute(new Tag(model.number(), handle).comment() + "SELECT 'late'");
  }

  private static void assertRefused(SandboxModel model, Action action) throws Exception {
    try {
      action.run();
    } catch (SandboxEndedException refused) {
      return;
    } catch (SQLException refused) {
      assertThat(refused.getMessage()).contains("closed");
      return;
    }
    throw new AssertionError("%s was not refused".formatted(model.sandbox));
  }

  /**
   * Ends a sandbox.
   *
   * @param quietly whether after its work, and not among it
   */
  private void end(SandboxModel model, boolean quietly) throws Exception {
    try {
      if (quietly && !model.mayAbandon) {
        for (Future<?> unit : model.units) {
          unit.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        }
        check(model);
      }
    } finally {
      end(model);
    }
  }

  private void end(SandboxModel model) {
    synchronized (model) {
      model.note("ends");
      try {
        db.run.end(model.sandbox, null);
      } catch (AssertionError failed) {
        // A transaction that was cancelled after one inside it had committed is the test's fault.
        if (!model.nested || !SandboxModel.saysWhatIsLost(failed.getMessage())) {
          throw failed;
        }
      } finally {
        model.endedAt = tap.now();
        model.note("has ended");
      }
    }
  }

  /** It has the rows of its committed work, and where its connection is lost it says why. */
  private void check(SandboxModel model) throws Exception {
    try (Scope scope = model.sandbox.test().bind();
        Connection connection = db.dataSource.getConnection()) {
      Set<Long> rows;
      try {
        rows = RealDatabase.rows(connection);
      } catch (SQLException lost) {
        model.note("cannot be read: " + lost.getMessage());
        if (!model.excuses(lost)) {
          throw lost;
        }
        checkFirstCause(model);
        return;
      }
      checkRows(model, rows);
    }
  }

  private void checkRows(SandboxModel model, Set<Long> rows) {
    rows.removeAll(rowsBefore);
    if (!model.isTransaction() && model.closings.get() > 0) {
      // As with any pool, the next user of a connection may get what is sent on it just then.
      return;
    }
    assertThat(rows).as("rows of %s", model.sandbox).containsAll(model.committed());
    Set<Long> more = new HashSet<>(rows);
    more.removeAll(model.committed());
    assertThat(model.unsure()).as("rows of %s", model.sandbox).containsAll(more);
    model.note("has the rows that it should have");
  }

  private void checkFirstCause(SandboxModel model) throws SQLException {
    if (model.isTransaction()) {
      try (Connection connection = db.dataSource.getConnection()) {
        assertThat(messageOf(connection))
            .as("the first cause of %s", model.sandbox)
            .matches(SandboxModel::saysWhatIsLost);
      }
    }
  }

  private static @Nullable String messageOf(Connection connection) {
    try (Statement statement = connection.createStatement()) {
      statement.execute("SELECT 1");
      return null;
    } catch (SQLException lost) {
      return lost.getMessage();
    }
  }

  /** Threads that the sandboxes have not ended. */
  List<String> threadsLeft() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> models.stream().anyMatch(model -> name.endsWith("" + model.sandbox.id())))
        .toList();
  }

  /** What went wrong, with the schedules of the sandboxes that it is about. */
  String report() {
    StringBuilder text = new StringBuilder("%d things went wrong:%n".formatted(wrong.size()));
    wrong.forEach(one -> text.append("  ").append(one).append('\n'));
    String all = text.toString();
    for (SandboxModel model : models) {
      if (model.history().contains("WRONG") || all.contains(model.sandbox.toString())) {
        text.append(model.history()).append('\n');
      }
    }
    return text.toString();
  }

  @Override
  public void close() {
    others.shutdownNow();
    threads.shutdownNow();
  }
}
