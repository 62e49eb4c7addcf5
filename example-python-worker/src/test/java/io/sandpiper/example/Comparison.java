package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Sandboxed;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.platform.launcher.TestExecutionListener;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

/**
 * How much faster tests that wait for the worker are at once than one by one.
 *
 * @param oneByOne how long they take in one thread
 * @param atOnce how long they take at once
 */
record Comparison(Duration oneByOne, Duration atOnce) {

  private static final int ROUNDS = 3;
  private static final int AT_ONCE_PER_ROUND = 15;

  /**
   * Measures on a JVM that it warms up first.
   *
   * @throws AssertionError where a test failed
   */
  static Comparison of(int tests, int parallel) {
    least(2 * AT_ONCE_PER_ROUND, tests, parallel);
    // In turn, and the least disturbed of each: what else the machine does only adds to them.
    return Stream.generate(
            () -> new Comparison(least(1, tests, 1), least(AT_ONCE_PER_ROUND, tests, parallel)))
        .limit(ROUNDS)
        .reduce(Comparison::least)
        .orElseThrow();
  }

  private static Comparison least(Comparison one, Comparison other) {
    return new Comparison(
        one.oneByOne.compareTo(other.oneByOne) < 0 ? one.oneByOne : other.oneByOne,
        one.atOnce.compareTo(other.atOnce) < 0 ? one.atOnce : other.atOnce);
  }

  private static Duration least(int rounds, int tests, int parallel) {
    return Stream.generate(() -> wall(tests, parallel))
        .limit(rounds)
        .min(Comparator.naturalOrder())
        .orElseThrow();
  }

  private static Duration wall(int tests, int parallel) {
    InnerRun run =
        InnerRun.of(
            Scores.class,
            Math.min(tests, parallel),
            Map.of("example.tests", String.valueOf(tests)),
            new TestExecutionListener() {});
    assertThat(run.failures()).isEmpty();
    assertThat(run.passed()).isEqualTo(tests);
    return run.wall();
  }

  double times() {
    return (double) oneByOne.toNanos() / atOnce.toNanos();
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "one by one %.2f s, parallel %.3f s, %.1f times",
        oneByOne.toNanos() / 1e9,
        atOnce.toNanos() / 1e9,
        times());
  }

  /**
   * What is compared, not run by itself: through RabbitMQ, the worker and the database, not through
   * HTTP.
   */
  @SpringBootTest(webEnvironment = RANDOM_PORT)
  @Sandboxed
  static class Scores {

    @ManyTimes
    void come_home(@Autowired BatchService service, @Autowired BatchRepository rows) {
      long batch = service.submit(new NewBatch(null, List.of("good")));

      assertReceive(received("scoring.results").json("/batchId", batch));

      assertThat(rows.items(batch)).allMatch(Item::scored);
    }
  }
}
