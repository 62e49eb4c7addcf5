package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.ShutdownSignalException;
import io.sandpiper.Hop;
import io.sandpiper.Run;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The taps of a run: one queue of ours on each broker, from which each message goes into the
 * mailbox of its test.
 *
 * <p>Safe for use by several threads.
 */
final class Taps implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Taps.class);

  private final Run run;
  private final Map<String, Source> sources = new HashMap<>();

  private Taps(Run run) {
    this.run = run;
  }

  static Taps of(Run run) {
    return run.shared(Taps.class, () -> new Taps(run));
  }

  /** The queue on one broker. */
  private record Source(Connection connection, Channel channel, String queue) {}

  /**
   * Opens taps; those that are open already stay so.
   *
   * @param factory how to connect to the broker; left as it is
   * @throws IllegalStateException where an exchange is not there, or the broker does not answer
   */
  synchronized void open(ConnectionFactory factory, List<Tap> taps) {
    String broker = OwnConnections.brokerOf(factory);
    try {
      Source source = sources.get(broker);
      if (source == null || !source.connection().isOpen()) {
        source = connect(factory);
        sources.put(broker, source);
      }
      for (Tap tap : taps) {
        requireExchange(source.connection(), tap, broker);
        source.channel().queueBind(source.queue(), tap.exchange(), tap.bindingKey());
      }
    } catch (IOException | TimeoutException | ShutdownSignalException failed) {
      throw new IllegalStateException(
          "The taps %s on broker %s could not be opened: %s. Check that the broker runs, and that its user may declare and bind a queue."
              .formatted(taps, broker, failed),
          failed);
    }
  }

  private Source connect(ConnectionFactory factory) throws IOException, TimeoutException {
    Connection connection = OwnConnections.of(run).to(factory);
    Channel channel = OwnConnections.channel(connection);
    String queue = "sandpiper.taps.%s.%s".formatted(run.name(), UUID.randomUUID());
    channel.queueDeclare(queue, false, true, true, null);
    channel.basicConsume(queue, true, new Listener(channel));
    return new Source(connection, channel, queue);
  }

  /** On a channel of its own, which the broker closes where there is none. */
  private static void requireExchange(Connection connection, Tap tap, String broker)
      throws IOException, TimeoutException {
    Channel asking = OwnConnections.channel(connection);
    try {
      asking.exchangeDeclarePassive(tap.exchange());
    } catch (IOException absent) {
      throw new IllegalStateException(
          ("Exchange \"%s\" is to be tapped, and broker %s has none of that name. Declare it in the"
                  + " application (an Exchange bean) or before it starts, or correct the name in"
                  + " sandpiper.amqp.taps or AmqpPropagation.tap(…).")
              .formatted(tap.exchange(), broker),
          absent);
    }
    asking.close();
  }

  private final class Listener extends DefaultConsumer {

    Listener(Channel channel) {
      super(channel);
    }

    @Override
    public void handleDelivery(
        String consumerTag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
      Hop.Content content =
          Original.of(Tap.address(envelope.getExchange()), envelope, properties, body).content();
      if (!run.overhear(content)) {
        LOG.debug("{}: a message of no open test", content.address());
      }
    }
  }

  /** The queues end with their connections. */
  @Override
  public synchronized void close() {
    sources.clear();
  }
}
