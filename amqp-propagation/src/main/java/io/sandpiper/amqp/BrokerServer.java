package io.sandpiper.amqp;

import io.sandpiper.server.ServerChoice;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A broker that the virtual hosts of a test run are on.
 *
 * <p>Settings: {@code sandpiper.rabbit.url} names a broker; {@code sandpiper.rabbit.server} is
 * {@code auto}, {@code container} or {@code embedded}; {@code sandpiper.rabbit.image} is the image
 * of the container.
 */
final class BrokerServer implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(BrokerServer.class);

  private final BrokerSource source;

  private BrokerServer(BrokerSource source) {
    this.source = source;
  }

  /**
   * Finds or starts the broker of a test run, and waits until it answers.
   *
   * @param settings looks a setting up by its name; null where it is not set
   * @throws IllegalArgumentException if a setting has a value that is none
   * @throws IllegalStateException if what the settings ask for does not start or does not answer
   */
  static BrokerServer start(Function<String, @Nullable String> settings) {
    long start = System.nanoTime();
    ServerChoice choice = new ServerChoice("RabbitMQ", "sandpiper.rabbit", settings);
    BrokerSource source =
        choice.start(
            url -> ConfiguredBroker.connect(url, choice),
            () -> BrokerContainer.start(choice.setting("image", "rabbitmq:4-alpine")),
            EmbeddedBroker::start);
    log.info(
        "Broker of this run: {}, ready in {} ms",
        source.description(),
        TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
    return new BrokerServer(source);
  }

  /** Whether the broker belongs to this run alone, so that virtual hosts can be made on it. */
  boolean ours() {
    return source.ours();
  }

  /**
   * A virtual host for tests: a new, empty one on a broker of ours, the configured one as it is on
   * any other.
   *
   * @param name its name on a broker of ours
   */
  VirtualHost createVirtualHost(String name) {
    return source.createVirtualHost(name);
  }

  /** The broker in one line, for logs and summaries; without passwords. */
  String description() {
    return source.description();
  }

  /** Stops the broker if this run started it; a second call does nothing. */
  @Override
  public void close() {
    source.close();
  }
}
