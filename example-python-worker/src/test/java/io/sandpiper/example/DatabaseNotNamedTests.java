package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Propagation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import org.junit.jupiter.api.RepeatedTest;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;

/** Tests with databases of their own whose names nobody has asked for. */
@SpringBootTest(webEnvironment = RANDOM_PORT)
@Sandboxed(isolation = Isolation.DATABASE)
class DatabaseNotNamedTests {

  @RepeatedTest(4)
  void the_name_of_the_database_does_not_travel_unless_asked_for(
      Sandbox sandbox,
      @LocalServerPort int port,
      @Autowired BatchClient batches,
      @Autowired BatchRepository rows) {
    long batch = batches.submit("good");
    Hop request = assertReceive(sent("scoring.requests").json("/batchId", batch));
    Hop post = assertReceive(sent("POST http://localhost:%d/batches".formatted(port)));

    assertReceive(received("scoring.results").json("/batchId", batch));

    assertThat(request.header(Propagation.BAGGAGE)).isEqualTo("test.id=" + sandbox.id().value());
    assertThat(post.header(Propagation.BAGGAGE)).isEqualTo("test.id=" + sandbox.id().value());
    assertThat(rows.items(batch)).allMatch(Item::scored);
  }
}
