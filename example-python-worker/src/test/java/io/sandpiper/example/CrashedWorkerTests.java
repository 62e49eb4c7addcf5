package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Sandboxed;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.test.context.ActiveProfiles;

/** Has a worker of its own, to crash it. */
@SpringBootTest(webEnvironment = RANDOM_PORT)
@ActiveProfiles("crash")
@Sandboxed
class CrashedWorkerTests {

  @Test
  @Timeout(30)
  void whoever_waits_for_a_crashed_worker_is_told_that_nobody_consumes(
      @Autowired PythonWorker worker, @Autowired BatchClient batches) throws Exception {
    worker.kill();
    long batch = batches.submit("good");

    assertThatThrownBy(
            () ->
                assertReceive(
                    received("crash.results").json("/batchId", batch), Duration.ofMillis(500)))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith(
            "No message matched within 500 ms: received on \"crash.results\" where /batchId is "
                + batch)
        .hasMessageContaining("sent crash.requests")
        .hasMessageContaining("no reply")
        .hasMessageContaining("0 consumers");
  }
}
