package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Sandboxed;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.core.QueueInformation;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.test.context.ActiveProfiles;

/** A worker whose replies tell nothing of the request: nobody can say whose they are. */
@SpringBootTest(webEnvironment = RANDOM_PORT)
@ActiveProfiles("echo-none")
@Sandboxed
class WorkerThatEchoesNothingTests {

  @Test
  void its_reply_is_refused_the_database_and_the_test_is_told_what_to_do(
      @Autowired BatchClient batches,
      @Autowired BatchRepository rows,
      @Autowired Tables tables,
      @Autowired AmqpAdmin broker)
      throws Exception {
    long batch = batches.submit("good");

    // It is acknowledged when its refusal is complete, retries of the application included.
    assertEventually(
        () ->
            assertThatThrownBy(
                    () ->
                        assertReceive(
                            received("echo-none.results").json("/batchId", batch), Duration.ZERO))
                .hasMessageContaining("Mailbox of WorkerThatEchoesNothingTests")
                .hasMessageContaining("none matched")
                .hasMessageContaining("sent echo-none.requests")
                .hasMessageContaining("It carried no test id and no correlation id of an open test")
                .hasMessageContaining("Let the sender copy x-test-id, or echo the correlation id")
                .hasMessageContaining("was refused its database access"));

    assertThat(broker.getQueueInfo("echo-none.results"))
        .extracting(QueueInformation::getMessageCount)
        .isEqualTo(0L);
    assertThat(rows.items(batch)).noneMatch(Item::scored);
    assertThat(tables.committedRows()).isEqualTo(Tables.Rows.NONE);
  }
}
