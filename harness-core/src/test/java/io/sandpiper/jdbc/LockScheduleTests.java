package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Sandbox;
import io.sandpiper.Schedules;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests that take locks at random: nobody is named who did not hold the row. */
@ExtendWith(Schedules.class)
class LockScheduleTests {

  private static final Duration TIMEOUT = Duration.ofSeconds(1);
  private static final int LANES = 5;
  private static final int TESTS = 2;
  private static final int STEPS = 3;

  /** "row {"id":1,…} of item, held by T.test", in the first line or a later one. */
  private static final Pattern HELD =
      Pattern.compile("row \\{\"id\":(\\d+),[^}]*\\} of item, held by (T\\.\\w+)");

  /** That a test had the lock of a row, from before the statement until after its sandbox's end. */
  private record Held(int row, String test, long from, long to) {}

  /** That a message said so, and when. */
  private record Claim(int row, String test, long at, String message) {

    boolean isTrue(Held held) {
      return held.row == row
          && held.test.equals(test)
          && held.from - at <= 0
          && held.to - (at - 2 * TIMEOUT.toNanos()) >= 0;
    }
  }

  private final Queue<Held> held = new ConcurrentLinkedQueue<>();
  private final Queue<Claim> claims = new ConcurrentLinkedQueue<>();

  @ParameterizedTest(name = "deadlocks found after {0}")
  @ValueSource(strings = {"200ms", "1h"})
  void nobody_is_named_who_did_not_hold_the_row(String deadlockTimeout, Random random)
      throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(LANES);
    CyclicBarrier eachHasARow = new CyclicBarrier(LANES);
    try (JdbcFixture db =
        LockTests.locking(TIMEOUT, "deadlock_timeout='%s'".formatted(deadlockTimeout))) {
      Sandbox.outside(
          () -> {
            db.execute(
                "INSERT INTO item SELECT n, 'item ' || n FROM generate_series(1, %d) n"
                    .formatted(LANES));
            return null;
          });
      List<Future<?>> lanes = new ArrayList<>();
      for (int lane = 1; lane <= LANES; lane++) {
        int first = lane;
        Random choices = new Random(random.nextLong());
        lanes.add(threads.submit(() -> lane(db, first, eachHasARow, choices)));
      }
      for (Future<?> lane : lanes) {
        lane.get(120, TimeUnit.SECONDS);
      }
      assertThat(db.committed()).hasSize(LANES);
    } finally {
      threads.shutdownNow();
    }
    // As each wants a row of another at first, there is a ring.
    assertThat(claims).isNotEmpty();
    assertThat(claims).allMatch(claim -> held.stream().anyMatch(claim::isTrue));
  }

  private Void lane(JdbcFixture db, int first, CyclicBarrier eachHasARow, Random random)
      throws Exception {
    for (int i = 0; i < TESTS; i++) {
      String name = "T.lane%d_%d".formatted(first, i);
      Sandbox sandbox = db.open(name);
      Map<Integer, Long> taken = new HashMap<>();
      try {
        if (i == 0) {
          step(db, sandbox, first, random, taken);
          eachHasARow.await(30, TimeUnit.SECONDS);
        }
        for (int step = 0; step < STEPS; step++) {
          step(db, sandbox, other(first, random), random, taken);
        }
      } finally {
        db.run.end(sandbox, null);
        taken.forEach((row, from) -> held.add(new Held(row, name, from, System.nanoTime())));
      }
    }
    return null;
  }

  private static int other(int row, Random random) {
    return 1 + (row + random.nextInt(LANES - 1)) % LANES;
  }

  private void step(
      JdbcFixture db, Sandbox sandbox, int row, Random random, Map<Integer, Long> taken)
      throws Exception {
    long start = System.nanoTime();
    String sql =
        random.nextBoolean()
            ? "UPDATE item SET owner = 'x' WHERE id = ?"
            : "SELECT * FROM item WHERE id = ? FOR UPDATE";
    try {
      db.in(
          sandbox,
          () -> {
            try (Connection connection = db.dataSource.getConnection();
                PreparedStatement statement = connection.prepareStatement(sql)) {
              statement.setInt(1, row);
              return statement.execute();
            }
          });
      taken.putIfAbsent(row, start);
    } catch (SandboxException failed) {
      claim(failed);
    }
  }

  private void claim(SandboxException failed) {
    long now = System.nanoTime();
    assertThat(failed.getSQLState()).isEqualTo("SP007");
    String message = Objects.requireNonNull(failed.getMessage());
    Matcher named = HELD.matcher(message);
    assertThat(message).containsPattern("(held by|queued behind) (one of )?T\\.");
    while (named.find()) {
      claims.add(new Claim(Integer.parseInt(named.group(1)), named.group(2), now, message));
    }
  }
}
