package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Attribution;
import io.sandpiper.Hop;
import io.sandpiper.Propagation;
import io.sandpiper.Sandboxed;
import org.junit.jupiter.api.RepeatedTest;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.test.context.ActiveProfiles;

/** A worker that knows nothing of headers, but answers with the id of the message it answers. */
@SpringBootTest(webEnvironment = RANDOM_PORT)
@ActiveProfiles("echo-correlation")
@Sandboxed
class WorkerThatEchoesCorrelationIdsTests {

  @RepeatedTest(8)
  void its_replies_come_home_by_the_id_of_the_message_they_answer(
      @Autowired BatchClient batches, @Autowired BatchRepository rows) {
    long batch = batches.submit("good", "bad");
    Hop request = assertReceive(sent("echo-correlation.requests").json("/batchId", batch));

    Hop reply = assertReceive(received("echo-correlation.results").json("/batchId", batch));

    assertThat(reply.header(Propagation.HEADER)).isNull();
    assertThat(reply.correlationId()).isEqualTo(request.messageId());
    assertThat(reply.attribution()).isEqualTo(Attribution.MESSAGE_ID);
    assertThat(rows.items(batch)).allMatch(Item::scored);
  }
}
