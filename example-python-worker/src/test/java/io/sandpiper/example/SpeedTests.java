package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Sandboxed;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

/** That running tests at once pays. */
@Isolated("it measures")
class SpeedTests {

  private static final int TESTS = 64;
  private static final int ROUNDS = 3;
  private static final int AT_ONCE_PER_ROUND = 15;

  @Test
  void tests_at_once_are_at_least_15_times_as_fast_as_one_by_one() {
    least(TESTS);
    least(TESTS);

    List<Duration> oneByOne = new ArrayList<>();
    List<Duration> atOnce = new ArrayList<>();
    // In turn, so that both have the machine as it is.
    for (int round = 0; round < ROUNDS; round++) {
      oneByOne.add(wall(1));
      atOnce.add(least(TESTS));
    }

    // The least disturbed of each. What else the machine does only ever makes them slower.
    Duration slow = Collections.min(oneByOne);
    Duration fast = Collections.min(atOnce);
    double times = (double) slow.toNanos() / fast.toNanos();
    String figures =
        "%d tests, worker takes 20 ms: one by one %d ms, at once %d ms, %.1f times"
            .formatted(TESTS, slow.toMillis(), fast.toMillis(), times);
    System.out.println(figures);
    assertThat(times).as(figures).isGreaterThanOrEqualTo(15);
  }

  private static Duration least(int parallel) {
    return Stream.generate(() -> wall(parallel))
        .limit(AT_ONCE_PER_ROUND)
        .min(Comparator.naturalOrder())
        .orElseThrow();
  }

  private static Duration wall(int parallel) {
    InnerRun run = InnerRun.of(Scores.class, parallel);
    assertThat(run.failures()).isEmpty();
    assertThat(run.passed()).isEqualTo(TESTS);
    return run.wall();
  }

  /**
   * Run by the test above, not by itself. Through RabbitMQ, the worker and the database, not
   * through HTTP, which is no part of this bar.
   */
  @SpringBootTest(webEnvironment = RANDOM_PORT)
  @Sandboxed
  static class Scores {

    @RepeatedTest(TESTS)
    void come_home(@Autowired BatchService service, @Autowired BatchRepository rows) {
      long batch = service.submit(new NewBatch(null, List.of("good")));

      assertReceive(received("scoring.results").json("/batchId", batch));

      assertThat(rows.items(batch)).allMatch(Item::scored);
    }
  }
}
