package io.sandpiper;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a failed assertReceive says, word for word. */
@Timeout(60)
class FailureTextTests {

  private final Traffic traffic = new Traffic("ScoringTests.scores_come_home");

  private String failure(Expectation expected, Duration timeout) {
    try (Scope scope = traffic.bind()) {
      AssertionError error =
          catchThrowableOfType(AssertionError.class, () -> assertReceive(expected, timeout));
      return normalised(String.valueOf(error.getMessage()));
    }
  }

  private String normalised(String text) {
    return text.replace(traffic.run.name(), "RUN")
        .replaceAll("\\+\\d+\\.\\d{3}s", "+0.000s")
        .replaceAll("[\\d.]+ m?s ago", "N ms ago")
        .replaceAll("open for [\\d.]+ m?s", "open for N ms")
        .replaceAll("[\\d.]+ m?s after", "N ms after");
  }

  @Test
  void a_message_that_did_not_match() {
    try (Scope scope = traffic.bind()) {
      traffic.sandbox.journal().note("INSERT INTO item … (2 rows)");
      traffic.send("scoring.requests", "c1", "{}");
    }
    traffic.reply("scoring.results", "c1", "{\"batchId\":41}").finish(null);
    try (Scope scope = traffic.bind()) {
      traffic.send("scoring.requests", "c2", "{}");
    }

    assertThat(failure(received("scoring.results").json("/batchId", 42), Duration.ofMillis(20)))
        .isEqualTo(
            """
            No message matched within 20 ms: received on "scoring.results" where /batchId is 42
            Mailbox of ScoringTests.scores_come_home (test id RUN-000001), 1 message, none matched:
              #2 +0.000s received scoring.results  attributed by correlation id   closest: /batchId was 41
            Outstanding: #3 +0.000s sent scoring.requests, N ms ago, no reply
            Timeline:
              +0.000s test      INSERT INTO item … (2 rows)
              +0.000s test      sent scoring.requests
              +0.000s listener scoring.results received scoring.results  attributed by correlation id
              +0.000s test      sent scoring.requests
            """);
  }

  @Test
  void an_empty_mailbox() {
    assertThat(failure(received("q"), Duration.ZERO))
        .isEqualTo(
            """
            No message matched within 0 ms: received on "q"
            Mailbox of ScoringTests.scores_come_home (test id RUN-000001), 0 messages
            Timeline:
            """);
  }

  @Test
  void the_closest_is_the_one_with_the_fewest_mismatches() {
    traffic.deliver("q", "{\"a\":1,\"b\":1}");
    traffic.deliver("q", "{\"a\":2,\"b\":1}");
    traffic.deliver("other", "{\"a\":2,\"b\":2}");
    assertThat(failure(received("q").json("/a", 2).json("/b", 2), Duration.ZERO))
        .contains(
            """
            , 3 messages, none matched:
              #1 +0.000s received q  attributed by own header
              #2 +0.000s received q  attributed by own header   closest: /b was 1
              #3 +0.000s received other  attributed by own header
            """);
  }

  @Test
  void an_expected_send_is_told_what_was_sent() {
    try (Scope scope = traffic.bind()) {
      traffic.send("scoring.requests", "c1", "{\"batchId\":41}");
    }
    assertThat(failure(sent("scoring.requests").json("/batchId", 42), Duration.ZERO))
        .startsWith(
            """
            No message matched within 0 ms: sent "scoring.requests" where /batchId is 42
            Sent by ScoringTests.scores_come_home (test id RUN-000001), 1 message, none matched:
              #1 +0.000s sent scoring.requests   closest: /batchId was 41
            Outstanding: #1 +0.000s sent scoring.requests, N ms ago, no reply
            """);
  }

  @Test
  void work_in_progress_and_failed_work_are_listed() {
    traffic.arrive("slow", "{}");
    traffic.arrive("bad", "{}").finish(new IllegalStateException("no such batch"));
    assertThat(failure(received("q"), Duration.ZERO))
        .contains(
            """
            In progress: listener slow, open for N ms, not begun
            Failed: listener bad: java.lang.IllegalStateException: no such batch
            """);
  }

  @Test
  void a_diagnosis_that_fails_does_not_hide_the_failure() {
    traffic.run.addDiagnosis(
        address -> {
          throw new IllegalStateException("the context has been closed");
        });
    assertThat(failure(received("q"), Duration.ZERO))
        .startsWith("No message matched within 0 ms")
        .contains("Nothing could be found out about \"q\": ", "the context has been closed");
  }

  @Test
  void a_message_that_came_too_late_is_said_to_have_done_so() throws Exception {
    FutureTask<String> failing =
        new FutureTask<>(() -> failure(received("q"), Duration.ofMillis(20)));
    Thread tester = new Thread(failing);
    tester.start();
    while (!isIn(tester, "match")) {
      assertThat(failing.isDone()).isFalse();
    }
    traffic.deliver("q", "{}");
    assertThat(failing.get(20, TimeUnit.SECONDS))
        .contains("\n#1 arrived N ms after the timeout. Give the assertion more time.\n");
  }

  private static boolean isIn(Thread thread, String method) {
    for (StackTraceElement frame : thread.getStackTrace()) {
      if (frame.getMethodName().equals(method)) {
        return true;
      }
    }
    return false;
  }

  @Test
  void explanations_and_refusals_for_the_address_are_added() {
    Runnable remove =
        traffic.run.addDiagnosis(
            address -> address.equals("q") ? "Queue q has no consumer." : null);
    traffic.run.arrive(
        new Hop.Content(
            Hop.Direction.RECEIVED,
            "q",
            null,
            java.util.Map.of("x-test-id", "sp1.bad"),
            new byte[0],
            Hop.Ids.NONE),
        "listener q");
    traffic.run.arrive(
        new Hop.Content(
            Hop.Direction.RECEIVED, "q", null, java.util.Map.of(), new byte[0], Hop.Ids.NONE),
        "listener q");
    assertThat(failure(received("q"), Duration.ZERO))
        .contains("\nQueue q has no consumer.\n")
        .contains("\nMeanwhile on \"q\": A test id is malformed")
        .contains("\nMeanwhile on \"q\": It carried no test id and no correlation id");
    assertThat(failure(received("r"), Duration.ZERO)).doesNotContain("Meanwhile");
    remove.run();
    assertThat(failure(received("q"), Duration.ZERO)).doesNotContain("no consumer");
  }

  @Test
  void a_text_of_the_user_with_percent_signs_is_harmless() {
    traffic.deliver("q%s", "{}");
    assertThat(failure(received("q%s").matching("100 %d", hop -> false), Duration.ZERO))
        .contains("received on \"q%s\" where 100 %d")
        .contains("closest: it was not so that 100 %d");
  }
}
