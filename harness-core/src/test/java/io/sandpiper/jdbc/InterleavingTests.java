package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Sandbox;
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
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random schedules of many sandboxes over a few shared threads, compared with a simple model. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class InterleavingTests {

  private static final int SANDBOXES = 6;
  private static final int STEPS = 150;

  private final ExecutorService threads = Executors.newFixedThreadPool(8);
  private final AtomicInteger nextId = new AtomicInteger();
  private JdbcFixture db;

  @BeforeAll
  void open() throws Exception {
    db = new JdbcFixture();
  }

  @AfterAll
  void close() throws Exception {
    threads.shutdownNow();
    db.close();
  }

  static List<Long> seeds() {
    Random random = new Random();
    return random.longs(20).boxed().toList();
  }

  /** A sandbox and the rows that it should have. */
  private record Model(Sandbox sandbox, List<Integer> rows) {}

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void each_sandbox_has_exactly_what_its_own_work_committed(long seed) throws Exception {
    Random random = new Random(seed);
    List<Model> models = open(SANDBOXES);
    List<Future<?>> steps = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      Model model = models.get(random.nextInt(models.size()));
      steps.add(threads.submit(() -> db.in(model.sandbox(), step(model, random.nextLong()))));
    }
    for (Future<?> step : steps) {
      step.get(30, TimeUnit.SECONDS);
    }
    for (Model model : models) {
      List<Integer> rows = db.in(model.sandbox(), db::ids);
      assertThat(rows).containsExactlyInAnyOrderElementsOf(model.rows());
      db.run.end(model.sandbox(), null);
    }
    assertThat(db.committed()).isEmpty();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void a_sandbox_that_ends_among_its_work_leaves_nothing(long seed) throws Exception {
    Random random = new Random(seed);
    List<Model> models = open(SANDBOXES);
    List<Future<?>> steps = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      Model model = models.get(random.nextInt(models.size()));
      Callable<Void> step = step(model, random.nextLong());
      steps.add(threads.submit(() -> untilItEnds(model, step)));
      if (i % (STEPS / SANDBOXES) == 10) {
        Model ending = models.get(i / (STEPS / SANDBOXES));
        steps.add(threads.submit(() -> db.run.end(ending.sandbox(), null)));
      }
    }
    for (Future<?> step : steps) {
      step.get(30, TimeUnit.SECONDS);
    }
    models.forEach(model -> db.run.end(model.sandbox(), null));
    assertThat(db.committed()).isEmpty();
    assertThat(db.pool.getHikariPoolMXBean().getActiveConnections()).isZero();
  }

  private Void untilItEnds(Model model, Callable<Void> step) throws Exception {
    try {
      return db.in(model.sandbox(), step);
    } catch (SQLException refusedOrCancelled) {
      assertThat(model.sandbox().sinceEnd()).as("%s", refusedOrCancelled).isNotNull();
      return null;
    }
  }

  private List<Model> open(int count) {
    List<Model> models = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      models.add(
          new Model(db.open("T.model" + i), Collections.synchronizedList(new ArrayList<>())));
    }
    return models;
  }

  /**
   * One unit of work: a statement, one that fails, or a transaction, perhaps with another in it.
   */
  private Callable<Void> step(Model model, long seed) {
    Random random = new Random(seed);
    return () -> {
      try (Connection connection = db.dataSource.getConnection()) {
        switch (random.nextInt(4)) {
          case 0 -> model.rows().add(insert(connection));
          case 1 -> fail(connection, false);
          default -> model.rows().addAll(transaction(connection, random, 0));
        }
      }
      return null;
    };
  }

  /**
   * An application transaction, perhaps with others of connections of their own in it. One that has
   * had another write and commit inside it commits too: what becomes of it otherwise is not
   * emulated.
   */
  private List<Integer> transaction(Connection connection, Random random, int depth)
      throws SQLException {
    List<Integer> written = new ArrayList<>();
    List<Integer> committedApart = new ArrayList<>();
    connection.setAutoCommit(false);
    int statements = 1 + random.nextInt(4);
    boolean failed = false;
    boolean mustCommit = false;
    for (int i = 0; i < statements; i++) {
      int choice = random.nextInt(8);
      if (choice == 1 && depth < 2) {
        try (Connection inner = db.dataSource.getConnection()) {
          List<Integer> rows = transaction(inner, random, depth + 1);
          // What commits before the outer one's first statement, or after it failed, is apart.
          boolean inside = !written.isEmpty() && !failed;
          (inside ? written : committedApart).addAll(rows);
          mustCommit |= inside && !rows.isEmpty();
        }
      } else if (choice == 0 && !mustCommit) {
        fail(connection, failed);
        failed = true;
      } else if (!failed) {
        written.add(insert(connection));
      }
    }
    if (failed || (!mustCommit && random.nextInt(3) == 0)) {
      connection.rollback();
      written.clear();
    } else {
      connection.commit();
    }
    connection.setAutoCommit(true);
    written.addAll(committedApart);
    return written;
  }

  private int insert(Connection connection) throws SQLException {
    int id = nextId.incrementAndGet();
    JdbcFixture.insert(connection, id);
    return id;
  }

  private static void fail(Connection connection, boolean again) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute("INSERT INTO item (id, name) VALUES (0, NULL)");
    } catch (SQLException expected) {
      if (!(again ? "25P02" : "23502").equals(expected.getSQLState())) {
        throw expected;
      }
    }
  }
}
