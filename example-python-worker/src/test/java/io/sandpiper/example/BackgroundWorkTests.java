package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.util.List;
import org.junit.jupiter.api.RepeatedTest;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

/** What the service does on threads of its own, for many tests at once. */
@SpringBootTest(webEnvironment = RANDOM_PORT)
@Sandboxed
class BackgroundWorkTests {

  private static final int TESTS_AT_ONCE = 16;

  @Autowired BatchClient batches;
  @Autowired BatchRepository rows;

  @RepeatedTest(TESTS_AT_ONCE)
  void whoever_names_a_batch_is_told_when_it_is_scored(Sandbox sandbox) {
    long batch = batches.submit(named(sandbox, "good", "bad", "great"));

    assertReceive(received("scoring.results").json("/batchId", batch));

    assertEventually(() -> assertThat(rows.notification(batch)).hasValue("1 negative, 2 positive"));
  }

  /** The end of the test waits for the notification, which needs the rows of the batch. */
  @RepeatedTest(TESTS_AT_ONCE)
  void a_test_may_end_before_its_notification(Sandbox sandbox) {
    long batch = batches.submit(named(sandbox, "good"));

    assertReceive(received("scoring.results").json("/batchId", batch));
  }

  /** With a name that no other test has: an equal one would have to wait for its end. */
  private static NewBatch named(Sandbox sandbox, String... texts) {
    return new NewBatch("batch of " + sandbox.id(), List.of(texts));
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_worker_that_does_not_answer_is_asked_again(Sandbox sandbox) throws Exception {
    sandbox.faults().on(received("scoring.results")).drop();
    long batch = batches.submit("good");
    refuteReceive(received("scoring.results"));

    sandbox.tick(Reminder.class);

    assertReceive(received("scoring.results").json("/batchId", batch));
    assertThat(rows.items(batch)).allMatch(Item::scored);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_batch_that_is_answered_is_not_asked_for_again(Sandbox sandbox) throws Exception {
    long batch = batches.submit("good");
    assertReceive(received("scoring.results").json("/batchId", batch));

    sandbox.tick(Reminder.class);

    refuteReceive(received("scoring.results"));
  }
}
