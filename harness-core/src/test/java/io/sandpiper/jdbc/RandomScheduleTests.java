package io.sandpiper.jdbc;

import static io.sandpiper.Schedules.oneOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.Schedules;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import io.sandpiper.jdbc.SandboxModel.Handle;
import io.sandpiper.server.TestDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Random schedules of work, cancels, interrupts, killed backends, foreign closes and endings over
 * shared threads. What is right is seen from the outside: on the sockets, and in the database.
 */
class RandomScheduleTests {

  private static final int SLOTS = 6;
  private static final int STEPS = 90;
  private static final int THREADS = 8;
  private static final int IN_FLIGHT = 12;
  private static final Duration LONG_DRAIN = Duration.ofSeconds(20);
  private static final Duration SHORT_DRAIN = Duration.ofMillis(300);

  private static final String CONTENTS =
      """
      SELECT (SELECT count(*) FROM item) AS item, (SELECT count(*) FROM parent) AS parent,
       (SELECT count(*) FROM child) AS child,
       (SELECT count(*) FROM pg_largeobject_metadata) AS objects,
       (SELECT count(*) FROM pg_largeobject) AS pages,
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks,
       (SELECT count(*) FROM pg_prepared_xacts) AS prepared
      """;

  private static final String ROWS =
      "SELECT id FROM item WHERE id > 0"
          + " UNION ALL SELECT -oid::bigint FROM pg_largeobject_metadata";

  private final WireTap tap = new WireTap();
  private final AtomicInteger numbers = new AtomicInteger();
  private final List<SandboxModel> models = new CopyOnWriteArrayList<>();
  private final List<Throwable> wrong = new CopyOnWriteArrayList<>();
  private final Semaphore inFlight = new Semaphore(IN_FLIGHT);
  private final ExecutorService enders = Executors.newCachedThreadPool();
  private TestDatabase database;
  private JdbcFixture db;
  private Connection outside;
  private String before;
  private Set<Long> rowsBefore;

  @BeforeEach
  void open() throws Exception {
    try (JdbcFixture plain = new JdbcFixture()) {
      database = plain.database;
    }
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      statement.execute(
          """
          CREATE TABLE parent (id int PRIMARY KEY);
          CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
          INSERT INTO item VALUES (-1, 'seed'), (-2, 'seed');
          INSERT INTO parent VALUES (-1);
          INSERT INTO child VALUES (-1);
          SELECT lo_from_bytea(0, 'seed');
          """);
    }
    db =
        JdbcFixture.on(
            new TestDatabase(tap.on(database.url()), database.user(), database.password()));
    db.pool.setMaximumPoolSize(2 * THREADS);
    db.dataSource.prepareTemplate();
    outside = connect();
    before = contents();
    rowsBefore = rows(outside);
  }

  @AfterEach
  void close() throws Exception {
    enders.shutdownNow();
    db.close();
    tap.close();
    outside.close();
  }

  private Connection connect() throws SQLException {
    return DriverManager.getConnection(database.url(), database.user(), database.password());
  }

  @RepeatedTest(2)
  @ExtendWith(Schedules.class)
  void schedules_on_platform_threads(Random random) throws Exception {
    try (Threads threads = new Threads(Executors.newFixedThreadPool(THREADS))) {
      run(random, threads.service());
    }
  }

  @RepeatedTest(2)
  @ExtendWith(Schedules.class)
  @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "there are no virtual threads before")
  void schedules_on_virtual_threads(Random random) throws Exception {
    ExecutorService virtual =
        (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    try (Threads threads = new Threads(virtual)) {
      run(random, threads.service());
    }
  }

  private record Threads(ExecutorService service) implements AutoCloseable {
    @Override
    public void close() {
      service.shutdownNow();
    }
  }

  private void run(Random random, ExecutorService threads) throws Exception {
    SandboxModel[] slots = new SandboxModel[SLOTS];
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < SLOTS; i++) {
      slots[i] = open(random, i);
    }
    for (int i = 0; i < STEPS; i++) {
      int slot = random.nextInt(SLOTS);
      SandboxModel model = slots[slot];
      Random own = new Random(random.nextLong());
      int choice = random.nextInt(100);
      if (choice < 66) {
        model.units.add(submitUnit(threads, model, own));
      } else if (choice < 76) {
        all.add(enders.submit(watched(model, () -> cancel(model, own))));
      } else if (choice < 76) {
        all.add(enders.submit(watched(model, () -> closeOne(model, own))));
      } else if (choice < 83) {
        interruptOne(model);
      } else if (choice < 85) {
        all.add(enders.submit(watched(model, () -> kill(model))));
      } else if (choice < 93) {
        SandboxModel late = oneOf(random, models);
        all.add(threads.submit(watched(late, () -> useLate(late, own))));
      } else {
        boolean quietly = random.nextBoolean();
        slots[slot] = open(random, slot);
        all.add(enders.submit(watched(model, () -> end(model, quietly))));
      }
      if (model.abandoned && slots[slot] == model) {
        slots[slot] = open(random, slot);
        all.add(enders.submit(watched(model, () -> end(model, false))));
      }
    }
    for (SandboxModel model : slots) {
      all.add(enders.submit(watched(model, () -> end(model, true))));
    }
    for (Future<?> step : all) {
      step.get(25, TimeUnit.SECONDS);
    }
    for (SandboxModel model : models) {
      for (Future<?> unit : model.units) {
        unit.get(25, TimeUnit.SECONDS);
      }
      watched(model, () -> useLate(model, random)).run();
    }
    verify();
  }

  private SandboxModel open(Random random, int slot) {
    boolean mayAbandon = random.nextInt(4) == 0;
    Isolation isolation = slot == 0 ? Isolation.DATABASE : Isolation.TRANSACTION;
    Sandbox sandbox =
        db.run.open(
            new Sandbox.Settings(
                "T." + isolation,
                isolation,
                mayAbandon ? BackgroundErrors.REPORT : BackgroundErrors.FAIL,
                mayAbandon ? SHORT_DRAIN : LONG_DRAIN,
                this));
    SandboxModel model = new SandboxModel(sandbox, mayAbandon);
    models.add(model);
    return model;
  }

  /** Something that a thread does to a sandbox. */
  @FunctionalInterface
  private interface Action {
    void run() throws Exception;
  }

  /** Whatever goes wrong is kept with the schedule of the sandbox. */
  private Runnable watched(SandboxModel model, Action action) {
    return () -> {
      try {
        action.run();
      } catch (Throwable thrown) {
        model.note("WRONG: " + thrown);
        wrong.add(thrown);
        thrown.addSuppressed(new AssertionError("It is about " + model.sandbox));
      }
    };
  }

  private Future<?> submitUnit(ExecutorService threads, SandboxModel model, Random random)
      throws InterruptedException {
    assertThat(inFlight.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
    Work work = model.sandbox.begin("unit");
    return threads.submit(
        watched(
            model,
            () -> {
              try (Scope scope = (work == null ? model.sandbox.test() : work).bind()) {
                unit(model, random);
              } finally {
                if (work != null) {
                  work.finish(null);
                }
                inFlight.release();
              }
            }));
  }

  private void unit(SandboxModel model, Random random) throws Exception {
    model.busy.add(Thread.currentThread());
    try {
      RandomUnit.run(model, new RandomUnit.Source(db.dataSource, numbers), random);
    } catch (SQLException failed) {
      model.note("failed: %s %s".formatted(failed.getSQLState(), failed.getMessage()));
      if (!isExcused(model, failed)) {
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

  /** Whether somebody has caused it who may: a cancel, a kill, a close, the end. */
  private static boolean isExcused(SandboxModel model, SQLException failed) {
    String state = String.valueOf(failed.getSQLState());
    String text = String.valueOf(failed.getMessage());
    if (model.hasEnded() || model.killed || model.abandoned) {
      return true;
    }
    if (model.closings.get() > 0
        && (state.equals("08003") || state.equals("55000") || text.contains("closed"))) {
      return true;
    }
    if (model.interrupted && (!model.isTransaction() || state.matches("SP00[45]"))) {
      return true;
    }
    boolean meddledWith = model.cancels.get() > 0 || model.closings.get() > 0;
    return meddledWith && (state.equals("57014") || isBroken(text));
  }

  private static boolean isBroken(String text) {
    return text.contains("is lost since") || text.contains("had written and committed");
  }

  private static void cancel(SandboxModel model, Random random) throws SQLException {
    for (Handle handle : model.handles) {
      if (random.nextBoolean()) {
        model.cancels.incrementAndGet();
        model.note("cancels h" + handle.number);
        try {
          handle.statement.cancel();
        } catch (SQLException closed) {
          assertThat(isExcused(model, closed) || handle.connection.isClosed())
              .as("%s", closed)
              .isTrue();
        }
        return;
      }
    }
  }

  private static void closeOne(SandboxModel model, Random random) throws SQLException {
    for (Handle handle : model.handles) {
      if (random.nextBoolean()) {
        handle.closedByOthers = true;
        model.closings.incrementAndGet();
        model.note("closes h%d of another thread".formatted(handle.number));
        try {
          handle.connection.close();
        } catch (SQLException failed) {
          if (!isExcused(model, failed)) {
            throw failed;
          }
        }
        return;
      }
    }
  }

  private static void interruptOne(SandboxModel model) {
    synchronized (model.busy) {
      for (Thread thread : model.busy) {
        model.cancels.incrementAndGet();
        model.interrupted = true;
        model.note("interrupts " + thread.getName());
        thread.interrupt();
        return;
      }
    }
  }

  private void kill(SandboxModel model) throws SQLException {
    synchronized (model) {
      if (model.hasEnded()) {
        return;
      }
      String which;
      if (model.isTransaction()) {
        int pid =
            model.sandbox.parts(SandboxConnection.class).stream()
                .mapToInt(SandboxConnection::pid)
                .sum();
        which = "pid = " + pid;
      } else {
        String name = databaseOf(model);
        which = "datname = '%s'".formatted(name);
      }
      model.killed = true;
      model.note("kills " + which);
      try (Connection killing = connect();
          Statement statement = killing.createStatement()) {
        statement.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE " + which);
      }
    }
  }

  private String databaseOf(SandboxModel model) {
    for (WireTap.Conversation conversation : tap.conversations()) {
      for (WireTap.Sent sent : conversation.sent()) {
        Tag tag = Tag.of(sent.sql());
        if (tag != null && tag.sandbox() == model.number()) {
          return conversation.database();
        }
      }
    }
    return "";
  }

  /** Uses what was open at the end. */
  private void useLate(SandboxModel model, Random random) throws Exception {
    if (model.endedAt == null) {
      return;
    }
    model.note("is used late");
    for (Handle handle : model.handles) {
      assertRefused(
          model,
          () ->
              handle.statement.execute(
                  new Tag(model.number(), handle.number).comment() + "SELECT 'late'"));
    }
    Scope scope = model.sandbox.test().bind();
    try (Connection connection = db.dataSource.getConnection()) {
      assertRefused(
          model,
          () -> {
            try (Statement statement = connection.createStatement()) {
              statement.execute(new Tag(model.number(), 0).comment() + "SELECT 'late'");
            }
          });
      if (random.nextBoolean()) {
        assertRefused(model, () -> connection.setAutoCommit(false), connection::commit);
      }
    } finally {
      scope.close();
    }
  }

  private static void assertRefused(SandboxModel model, Action... actions) throws Exception {
    try {
      for (Action action : actions) {
        action.run();
      }
    } catch (SQLException refused) {
      boolean closed = String.valueOf(refused.getMessage()).contains("closed");
      assertThat(closed || refused instanceof SandboxEndedException).as("%s", refused).isTrue();
      return;
    }
    // Without a statement there is nothing to commit.
    assertThat(actions).as("%s was not refused", model.sandbox).hasSizeGreaterThan(1);
  }

  private void end(SandboxModel model, boolean quietly) throws Exception {
    if (quietly && !model.mayAbandon) {
      for (Future<?> unit : model.units) {
        unit.get(25, TimeUnit.SECONDS);
      }
      check(model);
    }
    synchronized (model) {
      model.note("ends");
      try {
        db.run.end(model.sandbox, null);
      } catch (AssertionError failed) {
        if (model.nested.get() == 0 || !isBroken(String.valueOf(failed.getMessage()))) {
          throw failed;
        }
      }
      model.endedAt = tap.now();
      model.note("has ended");
    }
    if (!model.abandoned) {
      assertThat(model.sandbox.parts(SandboxConnection.class))
          .as("leases of %s", model.sandbox)
          .allMatch(connection -> connection.leases().holder() == null || model.mayAbandon);
    }
  }

  /** It has the rows of its committed work, and where its connection is lost it says why. */
  private void check(SandboxModel model) throws Exception {
    Set<Long> rows;
    try (Scope scope = model.sandbox.test().bind();
        Connection connection = db.dataSource.getConnection()) {
      rows = rows(connection);
    } catch (SQLException lost) {
      model.note("cannot be read: " + lost.getMessage());
      if (!isExcused(model, lost)) {
        throw lost;
      }
      checkFirstCause(model);
      return;
    }
    rows.removeAll(rowsBefore);
    assertThat(rows).as("rows of %s", model.sandbox).containsAll(model.committed());
    Set<Long> others = new HashSet<>(rows);
    others.removeAll(model.committed());
    assertThat(model.unsure()).as("rows of %s", model.sandbox).containsAll(others);
    model.note("has the rows that it should have");
  }

  private void checkFirstCause(SandboxModel model) throws Exception {
    if (!model.isTransaction()) {
      return;
    }
    try (Scope scope = model.sandbox.test().bind()) {
      assertThat(db.dataSource.getConnection())
          .satisfies(
              connection ->
                  assertThat(messageOf(connection))
                      .matches(text -> isBroken(String.valueOf(text)), "names the first cause"));
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

  private static Set<Long> rows(Connection connection) throws SQLException {
    Set<Long> rows = new HashSet<>();
    try (Statement statement = connection.createStatement();
        ResultSet found = statement.executeQuery(ROWS)) {
      while (found.next()) {
        rows.add(found.getLong(1));
      }
    }
    return rows;
  }

  private String contents() throws SQLException {
    StringBuilder text = new StringBuilder();
    try (Statement statement = outside.createStatement();
        ResultSet row = statement.executeQuery(CONTENTS)) {
      row.next();
      for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
        text.append(row.getMetaData().getColumnName(i)).append(' ').append(row.getLong(i));
        text.append(' ');
      }
    }
    return text.toString();
  }

  private void verify() throws Exception {
    watchedOutside(() -> WireRules.check(tap, models));
    watchedOutside(
        () ->
            await()
                .atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(contents()).isEqualTo(before)));
    watchedOutside(
        () ->
            await()
                .atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(threadsLeft()).isEmpty()));
    db.dataSource.close();
    watchedOutside(
        () ->
            await()
                .atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(sessionsLeft()).isEmpty()));
    if (!wrong.isEmpty()) {
      AssertionError error = new AssertionError(report());
      wrong.forEach(error::addSuppressed);
      throw error;
    }
  }

  private void watchedOutside(Action check) {
    try {
      check.run();
    } catch (Exception | Error failed) {
      wrong.add(failed);
    }
  }

  private String report() {
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

  private static List<String> threadsLeft() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("sandpiper connection of"))
        .toList();
  }

  /** Connections of sandboxes; those of the pool itself are the application's. */
  private List<String> sessionsLeft() throws SQLException {
    List<String> left = new ArrayList<>();
    try (Statement statement = outside.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT datname || ' ' || state || ' ' || query FROM pg_stat_activity"
                    + " WHERE pid <> pg_backend_pid() AND state <> 'idle'"
                    + " AND (datname = current_database() OR starts_with(datname, 'sp_c_'))")) {
      while (rows.next()) {
        left.add(rows.getString(1));
      }
    }
    return left;
  }
}
