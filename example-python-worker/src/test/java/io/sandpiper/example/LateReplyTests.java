package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Refusal;
import io.sandpiper.Run;
import io.sandpiper.Sandboxed;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.core.QueueInformation;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

/** What becomes of a reply whose test has ended. */
@SpringBootTest(webEnvironment = RANDOM_PORT)
@Sandboxed
@Isolated("it looks into a queue that all tests share")
class LateReplyTests {

  @Test
  void a_late_reply_is_acknowledged_and_recorded_and_changes_nothing(
      @Autowired Tables tables, @Autowired AmqpAdmin broker) throws Exception {
    Run run = Run.ofThisJvm();
    long lateBefore = run.refusals(Refusal.Reason.LATE);

    InnerRun ended = InnerRun.of(EndsEarly.class, 1);

    assertThat(ended.failures()).isEmpty();
    // Replies of tests before this one may still be on their way: what counts is whose it is.
    assertEventually(
        () ->
            assertThatThrownBy(() -> assertReceive(received("scoring.results"), Duration.ZERO))
                .hasMessageContaining("is late: LateReplyTests.EndsEarly.without_its_reply ended"));
    assertThat(run.refusals(Refusal.Reason.LATE)).isGreaterThan(lateBefore);
    assertEventually(
        () ->
            assertThat(broker.getQueueInfo("scoring.results"))
                .extracting(QueueInformation::getMessageCount)
                .isEqualTo(0L));
    assertThat(tables.committedRows()).isEqualTo(Tables.Rows.NONE);
  }

  /** Run by the test above, not by itself. */
  @SpringBootTest(webEnvironment = RANDOM_PORT)
  @Sandboxed
  static class EndsEarly {

    @Test
    void without_its_reply(@Autowired SlowRequests requests) {
      requests.submit(100, "good");
    }
  }
}
