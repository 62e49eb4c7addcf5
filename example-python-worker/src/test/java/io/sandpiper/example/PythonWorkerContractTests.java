package io.sandpiper.example;

import static io.sandpiper.amqp.WorkerContract.Level.BAGGAGE;
import static io.sandpiper.amqp.WorkerContract.Level.CORRELATION_ID;
import static io.sandpiper.amqp.WorkerContract.Level.MESSAGE_ID;
import static io.sandpiper.amqp.WorkerContract.Level.OWN_HEADER;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.amqp.WorkerContract;
import io.sandpiper.amqp.WorkerContract.Level;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** What the worker in Python says it echoes is what comes back. */
class PythonWorkerContractTests {

  private static final JsonMapper JSON = new JsonMapper();

  @Test
  void with_headers_it_satisfies_all_levels() {
    assertSatisfies("headers", Set.of(OWN_HEADER, BAGGAGE, CORRELATION_ID, MESSAGE_ID));
  }

  @Test
  void with_correlation_ids_it_satisfies_these() {
    assertSatisfies("correlation", Set.of(CORRELATION_ID, MESSAGE_ID));
  }

  @Test
  void with_nothing_it_satisfies_none_and_breaks_no_rule() {
    assertSatisfies("none", Set.of());
  }

  private static void assertSatisfies(String echo, Set<Level> levels) {
    WorkerContract.Report report = contract(echo).check();

    assertThat(Stream.of(Level.values()).filter(report::satisfies).collect(Collectors.toSet()))
        .as("%s", report)
        .isEqualTo(levels);
    report.require(levels.toArray(new Level[0]));
  }

  private static WorkerContract contract(String echo) {
    String queues = "contract-python-" + echo;
    ProcessBuilder worker =
        Python.command(
            "-m",
            "sandpiper_worker",
            "--exit-with-parent",
            "--echo=" + echo,
            "--requests=" + queues + ".requests",
            "--results=" + queues + ".results",
            "--failures=" + queues + ".failures");
    return WorkerContract.of(worker.command())
        .directory(worker.directory().toPath())
        .environment("PYTHONPATH", Objects.requireNonNull(worker.environment().get("PYTHONPATH")))
        .broker("SANDPIPER_WORKER_AMQP_URL")
        .requests(queues + ".requests")
        .replies(queues + ".results")
        .request(PythonWorkerContractTests::batch, "application/json")
        .answers((request, reply) -> batchId(request) == batchId(reply))
        .unprocessable("not JSON".getBytes(UTF_8), "application/json");
  }

  private static byte[] batch(int number) {
    return "{\"batchId\": %d, \"items\": [{\"id\": 1, \"text\": \"good\"}]}"
        .formatted(number)
        .getBytes(UTF_8);
  }

  /** Or 0 where it has none. */
  private static int batchId(byte[] body) {
    return new String(body, UTF_8).startsWith("{")
        ? JSON.readTree(body).path("batchId").asInt(0)
        : 0;
  }
}
