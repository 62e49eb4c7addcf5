package io.sandpiper.example;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.amqp.WorkerContract;
import io.sandpiper.amqp.WorkerContract.Level;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A worker in another language, by another client. */
class NodeWorkerContractTests {

  @Test
  void a_worker_in_javascript_satisfies_all_levels(@TempDir Path directory) {
    Path worker = Node.install(directory);

    WorkerContract.Report report =
        WorkerContract.of(List.of("node", "worker.js", "contract-node.in", "contract-node.out"))
            .directory(worker)
            .broker("AMQP_URL") // the environment variable that gets the AMQP URI
            .requests("contract-node.in")
            .replies("contract-node.out")
            .request(number -> "text %d".formatted(number).getBytes(UTF_8), "text/plain")
            .answers((request, reply) -> upperCase(request).equals(new String(reply, UTF_8)))
            .unprocessable(new byte[] {-1, 0, -2}, "application/octet-stream")
            .check();

    report.require(Level.OWN_HEADER, Level.BAGGAGE);
    assertThat(report.toString())
        .contains("6 of 6 came back, undamaged")
        .endsWith("Replies come home by own header, baggage, correlation id, message id.");
  }

  private static String upperCase(byte[] text) {
    return new String(text, UTF_8).toUpperCase(Locale.ROOT);
  }
}
