package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.LongStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.core.ThrowingRunnable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random schedules of work, cancels, interrupts, killed backends, foreign closes and ends, of
 * sandboxes of both isolations over shared threads and one pool. What is right is seen from the
 * outside: on the sockets, in the database, and in what each sandbox reads before its end.
 *
 * <p>The seeds are 1, 2, 3 and so on, so that a build does not depend on luck more than threads do
 * anyway; the name of each test has its seed. {@code -Dschedules=200} runs that many, {@code
 * -Dschedules.first=1000} begins with another seed, and {@code -Dseed=17} runs that one alone; with
 * {@code -Dschedules} again and again.
 */
class RandomScheduleTests {

  private static final int IN_A_BUILD = 4;
  private static final int THREADS = 8;
  private static final Duration SOON = Duration.ofSeconds(10);

  private final WireTap tap = new WireTap();
  private RealDatabase database;
  private JdbcFixture db;

  static LongStream seeds() {
    int count = Integer.getInteger("schedules", IN_A_BUILD);
    Long only = Long.getLong("seed");
    if (only != null) {
      return LongStream.generate(() -> only).limit(Math.max(1, Integer.getInteger("schedules", 1)));
    }
    long first = Long.getLong("schedules.first", 1);
    return LongStream.range(first, first + count);
  }

  @BeforeEach
  void open() throws Exception {
    database = new RealDatabase();
    db = JdbcFixture.on(database.through(tap));
    db.pool.setMaximumPoolSize(RandomSchedule.CONNECTIONS);
    db.dataSource.prepareTemplate();
  }

  @AfterEach
  void close() throws Exception {
    db.close();
    tap.close();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void nothing_is_sent_after_the_end_nor_elsewhere_and_nothing_is_left(long seed) throws Exception {
    Random random = new Random(seed);
    String before = database.contents();
    try (RandomSchedule schedule =
        new RandomSchedule(db, tap, database, random, threads(random.nextBoolean()))) {
      schedule.run();
      checked(schedule, () -> WireRules.check(tap, schedule.models));
      soon(schedule, () -> assertThat(database.contents()).isEqualTo(before));
      soon(schedule, () -> assertThat(database.atWork()).isEmpty());
      soon(schedule, () -> assertThat(schedule.threadsLeft()).isEmpty());
      db.dataSource.close();
      soon(
          schedule,
          () ->
              assertThat(database.databases()).doesNotContainAnyElementsOf(WireRules.clones(tap)));
      if (!schedule.wrong.isEmpty()) {
        AssertionError error = new AssertionError("Seed %d: %s".formatted(seed, schedule.report()));
        schedule.wrong.forEach(error::addSuppressed);
        throw error;
      }
    }
  }

  /** The threads that all sandboxes share; virtual ones are there since Java 21. */
  private static ExecutorService threads(boolean virtual) throws ReflectiveOperationException {
    return virtual && Runtime.version().feature() >= 21
        ? (ExecutorService)
            Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null)
        : Executors.newFixedThreadPool(THREADS);
  }

  private static void soon(RandomSchedule schedule, ThrowingRunnable check) {
    checked(schedule, () -> await().atMost(SOON).untilAsserted(check));
  }

  private static void checked(RandomSchedule schedule, ThrowingCallable check) {
    try {
      check.call();
    } catch (Throwable failed) {
      schedule.wrong.add(failed);
    }
  }
}
