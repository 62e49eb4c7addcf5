package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Hop;
import io.sandpiper.Sandboxed;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

@SpringBootTest(webEnvironment = RANDOM_PORT)
@Sandboxed
class ReadmeExampleTests {

  @Test
  void scores_come_home(@Autowired BatchClient batches, @Autowired BatchRepository rows) {
    long batch = batches.submit("good", "bad"); // POST: inserts, publishes to the worker, returns

    Hop reply = assertReceive(received("scoring.results").json("/batchId", batch));

    assertThat(reply.json().at("/items/0/label").asString()).isEqualTo("positive");
    assertThat(rows.items(batch))
        .allMatch(Item::scored); // written by the listener, in this sandbox
    assertThat(rows.audit(batch)).hasSize(2);
    refuteReceive(received("scoring.failures"));
  }
}
