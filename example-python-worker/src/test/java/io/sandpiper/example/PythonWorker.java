package io.sandpiper.example;

import jakarta.annotation.PreDestroy;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.amqp.autoconfigure.RabbitConnectionDetails;
import org.springframework.boot.amqp.autoconfigure.RabbitConnectionDetails.Address;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.stereotype.Component;

/**
 * The worker, as a process of its own on the broker of this application context: it starts and
 * stops with the context.
 *
 * <p>Properties: {@code example.worker.delay} is how many milliseconds it takes for a request,
 * {@code example.worker.echo} how much of a request its reply repeats, {@code
 * example.worker.write-scores} whether it writes scores into the database that a request names.
 */
@Component
class PythonWorker {

  private static final long SECONDS_TO_START = 30;
  private static final long SECONDS_TO_STOP = 5;

  private final Process process;

  PythonWorker(
      RabbitConnectionDetails broker,
      ScoringQueues queues,
      @Value("${example.worker.delay:20}") int delayMs,
      @Value("${example.worker.echo:headers}") String echo,
      @Value("${example.worker.write-scores:false}") boolean writeScores,
      JdbcConnectionDetails database)
      throws IOException {
    String[] arguments = {
      "-m",
      "sandpiper_worker",
      "--exit-with-parent",
      "--delay=" + delayMs,
      "--echo=" + echo,
      "--requests=" + queues.requests(),
      "--results=" + queues.results(),
      "--failures=" + queues.failures()
    };
    ProcessBuilder command =
        writeScores ? Python.commandWithPsycopg2(arguments) : Python.command(arguments);
    if (writeScores) {
      command.environment().put("SANDPIPER_WORKER_WRITE_SCORES", "true");
      command.environment().putAll(server(database));
      // It has no database of its own: where a request names none, nothing is written.
      command.environment().remove("PGDATABASE");
    }
    // Not on the command line, which every user of the machine can read.
    command.environment().put("SANDPIPER_WORKER_AMQP_URL", url(broker));
    process = command.redirectErrorStream(true).start();
    ProcessOutput output = new ProcessOutput(process, "worker ready");
    if (!output.await(SECONDS_TO_START)) {
      process.destroyForcibly();
      throw new IllegalStateException(
          "The worker was not ready within %d s. It said: %s".formatted(SECONDS_TO_START, output));
    }
  }

  /** Where and as whom to connect, in libpq's words; which database is left out. */
  private static Map<String, String> server(JdbcConnectionDetails database) {
    URI url = URI.create(database.getJdbcUrl().substring("jdbc:".length()));
    return Map.of(
        "PGHOST", url.getHost(),
        "PGPORT", String.valueOf(url.getPort() < 0 ? 5432 : url.getPort()),
        "PGUSER", Objects.requireNonNullElse(database.getUsername(), "postgres"),
        "PGPASSWORD", Objects.requireNonNullElse(database.getPassword(), ""));
  }

  /** The URL of a broker, with user and password. */
  static String url(RabbitConnectionDetails broker) {
    Address address = broker.getFirstAddress();
    return "amqp://%s:%s@%s:%d/%s"
        .formatted(
            encode(broker.getUsername(), "guest"),
            encode(broker.getPassword(), "guest"),
            address.host(),
            address.port(),
            encode(broker.getVirtualHost(), "/"));
  }

  /** A part of a URL, or what RabbitMQ's clients take where it is not set. */
  private static String encode(@Nullable String part, String unset) {
    return URLEncoder.encode(Objects.requireNonNullElse(part, unset), StandardCharsets.UTF_8)
        .replace("+", "%20");
  }

  /** Ends the process as a crash does. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @PreDestroy
  void stop() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(SECONDS_TO_STOP, TimeUnit.SECONDS)) {
      kill();
    }
  }
}
