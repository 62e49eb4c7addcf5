package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Schedules;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;

/** Random schedules of sandboxes of both isolations over a few shared threads and one pool. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MixedInterleavingTests {

  private static final int SANDBOXES = 6;
  private static final int STEPS = 90;

  private final ExecutorService threads = Executors.newFixedThreadPool(8);
  private final AtomicInteger nextId = new AtomicInteger();
  private JdbcFixture db;

  @BeforeAll
  void open() throws Exception {
    db = new JdbcFixture();
    // More than there are threads: a transaction may wait for another connection of its test.
    db.pool.setMaximumPoolSize(20);
    // As Spring does at the start: later it would wait until no TRANSACTION sandbox is open.
    db.dataSource.prepareTemplate();
  }

  @AfterAll
  void close() throws Exception {
    threads.shutdownNow();
    db.close();
    assertThat(db.databasesForTests()).isEmpty();
  }

  /** A sandbox and the rows that it should have. */
  private record Model(Sandbox sandbox, List<Integer> rows) {}

  @RepeatedTest(5)
  @ExtendWith(Schedules.class)
  void each_sandbox_has_exactly_what_its_own_work_committed(Random random) throws Exception {
    List<Model> models = models();
    List<Future<?>> steps = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      Model model = models.get(random.nextInt(models.size()));
      long seed = random.nextLong();
      steps.add(threads.submit(() -> db.in(model.sandbox(), step(model, seed))));
    }
    for (Future<?> step : steps) {
      step.get(60, TimeUnit.SECONDS);
    }
    for (Model model : models) {
      List<Integer> rows = db.in(model.sandbox(), db::ids);
      assertThat(rows).containsExactlyInAnyOrderElementsOf(model.rows());
      db.run.end(model.sandbox(), null);
    }
    assertThat(db.committed()).isEmpty();
  }

  @RepeatedTest(5)
  @ExtendWith(Schedules.class)
  void a_sandbox_that_ends_among_its_work_leaves_nothing(Random random) throws Exception {
    List<Model> models = models();
    List<Future<?>> steps = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      Model model = models.get(random.nextInt(models.size()));
      long seed = random.nextLong();
      steps.add(threads.submit(() -> untilItEnds(model, step(model, seed))));
      if (i % (STEPS / SANDBOXES) == 10) {
        Model ending = models.get(i / (STEPS / SANDBOXES));
        steps.add(threads.submit(() -> db.run.end(ending.sandbox(), null)));
      }
    }
    for (Future<?> step : steps) {
      step.get(60, TimeUnit.SECONDS);
    }
    models.forEach(model -> db.run.end(model.sandbox(), null));
    assertThat(db.committed()).isEmpty();
  }

  private Void untilItEnds(Model model, Callable<Void> step) throws Exception {
    try {
      return db.in(model.sandbox(), step);
    } catch (SQLException refusedOrCancelled) {
      assertThat(model.sandbox().sinceEnd()).as("%s", refusedOrCancelled).isNotNull();
      return null;
    }
  }

  private List<Model> models() {
    List<Model> models = new ArrayList<>();
    for (int i = 0; i < SANDBOXES; i++) {
      Isolation isolation = i % 2 == 0 ? Isolation.DATABASE : Isolation.TRANSACTION;
      models.add(
          new Model(
              db.open("T." + isolation + i, isolation),
              Collections.synchronizedList(new ArrayList<>())));
    }
    return models;
  }

  /** A statement, or a transaction that commits or rolls back. */
  private Callable<Void> step(Model model, long seed) {
    Random random = new Random(seed);
    return () -> {
      try (Connection connection = db.dataSource.getConnection()) {
        if (random.nextBoolean()) {
          model.rows().add(insert(connection));
        } else {
          model.rows().addAll(transaction(connection, random));
        }
      }
      return null;
    };
  }

  private List<Integer> transaction(Connection connection, Random random) throws SQLException {
    connection.setAutoCommit(false);
    List<Integer> written = new ArrayList<>();
    for (int i = 0; i <= random.nextInt(3); i++) {
      written.add(insert(connection));
    }
    if (random.nextInt(3) == 0) {
      connection.rollback();
      written.clear();
    } else {
      connection.commit();
    }
    return written;
  }

  private int insert(Connection connection) throws SQLException {
    int id = nextId.incrementAndGet();
    JdbcFixture.insert(connection, id);
    return id;
  }
}
