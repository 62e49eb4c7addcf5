package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Sandboxed;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

/** Whole runs of 64 tests at once, over and over. */
@SpringBootTest(webEnvironment = RANDOM_PORT)
@Isolated("it counts on having the machine, and the tables, to itself")
class RoundTripsTests {

  private static final int RUNS = 50;
  private static final int TESTS = 64;

  @Test
  void every_reply_and_every_row_stays_with_its_test(@Autowired Tables tables) throws Exception {
    for (int run = 1; run <= RUNS; run++) {
      InnerRun outcome = InnerRun.of(MixedDelays.class, TESTS);

      assertThat(outcome.failures()).as("failures of run %d", run).isEmpty();
      assertThat(outcome.passed()).isEqualTo(TESTS);
      assertThat(tables.committedRows()).as("after run %d", run).isEqualTo(Tables.Rows.NONE);
      assertThat(tables.committedNotifications()).as("after run %d", run).isZero();
    }
  }

  /** Run by the test above, not by itself. */
  @SpringBootTest(webEnvironment = RANDOM_PORT)
  @Sandboxed
  static class MixedDelays {

    @RepeatedTest(TESTS)
    void round_trip(
        @Autowired SlowRequests requests,
        @Autowired BatchRepository rows,
        @Autowired Tables tables,
        RepetitionInfo repetition) {
      // Neighbours differ, so replies overtake each other.
      int delayMs = repetition.getCurrentRepetition() * 17 % 40;
      long batch = requests.submit(delayMs, "good", "bad");

      assertReceive(received("scoring.results").json("/batchId", batch));

      refuteReceive(received("scoring.results"));
      assertThat(rows.items(batch)).allMatch(Item::scored);
      assertThat(tables.rows()).isEqualTo(new Tables.Rows(1, 2, 2));
    }
  }
}
