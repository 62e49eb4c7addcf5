package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Sandboxed;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

/** What a test that waits in vain is told. */
@SpringBootTest(webEnvironment = RANDOM_PORT)
@Sandboxed
class FailureTextTests {

  @Test
  void a_reply_that_does_not_come_is_explained(
      @Autowired BatchClient batches,
      @Autowired SlowRequests slow,
      @Autowired BatchRepository rows) {
    long other = batches.submit("good", "bad");
    assertEventually(() -> assertThat(rows.items(other)).allMatch(Item::scored));
    long awaited = slow.submit(2_000, "good");

    AssertionError failure =
        catchThrowableOfType(
            AssertionError.class,
            () ->
                assertReceive(
                    received("scoring.results").json("/batchId", awaited), Duration.ofMillis(200)));

    System.out.println(failure.getMessage());
  }
}
