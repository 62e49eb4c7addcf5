package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Sandbox;
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
      Sandbox sandbox, @Autowired SlowRequests requests, @Autowired BatchRepository rows) {
    long other = requests.submit(0, "good");
    assertEventually(() -> assertThat(rows.items(other)).allMatch(Item::scored));
    long awaited = requests.submit(2_000, "good");

    AssertionError failure =
        catchThrowableOfType(
            AssertionError.class,
            () ->
                assertReceive(
                    received("scoring.results").json("/batchId", awaited), Duration.ofMillis(200)));

    String text = withoutFigures(String.valueOf(failure.getMessage()));
    int timeline = text.indexOf("Timeline:");
    assertThat(text.substring(0, timeline))
        .isEqualTo(
            """
            No message matched within 200 ms: received on "scoring.results" where /batchId is %d
            Mailbox of %s (test id %s), 1 message, none matched:
              #2 +T received scoring.results  attributed by own header   closest: /batchId was %d
            Outstanding: #3 +T sent scoring.requests, T ago, no reply
            """
                .formatted(awaited, sandbox.testName(), sandbox.id(), other));
    assertThat(text.substring(timeline).lines())
        .containsSubsequence(
            "  +T test      sent scoring.requests, left the process",
            "  +T listener scoring.results received scoring.results  attributed by own header",
            "  +T listener scoring.results WITH labelled …",
            "  +T test      sent scoring.requests, left the process");
  }

  /** Without times, and without what other tests do with the queues. */
  private static String withoutFigures(String text) {
    return text.replaceAll("(?m)^(Meanwhile|Queue) .*\\n", "")
        .replaceAll("\\+\\d+\\.\\d{3}s", "+T")
        .replaceAll("[\\d.]+ m?s ago", "T ago")
        .replaceAll("(WITH labelled) .*", "$1 …");
  }
}
