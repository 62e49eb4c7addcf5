package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import io.sandpiper.Arrival;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run as the home of tests on a broker that it shares: a queue to which other runs forward what
 * belongs to it. When this JVM is gone, what is in it is parked, and it expires.
 *
 * <p>Only here an id is verified. What belongs to an open test goes on to its application context,
 * through the broker too.
 */
final class RunHome implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(RunHome.class);

  private static final int PREFETCH = 256;
  private static final int MOST_PARKED = 1000;
  private static final int PARKED_MILLIS = (int) TimeUnit.HOURS.toMillis(1);

  private final Run run;
  private final PutBack putBack;
  private final Homes homes;
  private final Forwarding forwarding;
  private final OwnConnections connections;
  private final Map<String, Channel> channels = new ConcurrentHashMap<>();

  private RunHome(Run run) {
    this.run = run;
    // Before this, so that it is closed after this.
    this.connections = OwnConnections.of(run);
    this.putBack = PutBack.of(run);
    this.homes = Homes.of(run);
    this.forwarding = new Forwarding(run);
  }

  static RunHome of(Run run) {
    return run.shared(RunHome.class, () -> new RunHome(run));
  }

  /**
   * Opens the run's queue on a broker; where it is open already, it stays so. Where its connection
   * is lost, that recovers the queue and its consumer too.
   */
  synchronized void open(ConnectionFactory factory) throws IOException, TimeoutException {
    String broker = OwnConnections.brokerOf(factory);
    if (channels.containsKey(broker)) {
      return;
    }
    Connection connection = connections.to(factory);
    Channel channel = OwnConnections.channel(connection);
    channel.queueDeclare(
        Homes.PARKED,
        true,
        false,
        false,
        Map.of("x-max-length", MOST_PARKED, "x-message-ttl", PARKED_MILLIS));
    channel.queueDeclare(Homes.queueOf(run.name()), true, false, false, homes.life().ofRun());
    channel.basicQos(PREFETCH);
    channel.basicConsume(Homes.queueOf(run.name()), false, new Listener(channel));
    channels.put(broker, channel);
    channel.addShutdownListener(
        cause -> {
          if (!cause.isHardError()) {
            channels.remove(broker, channel);
          }
        });
  }

  private final class Listener extends DefaultConsumer {

    Listener(Channel channel) {
      super(channel);
    }

    @Override
    public void handleDelivery(
        String consumerTag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
      Original message = Original.of(Homes.queueOf(run.name()), envelope, properties, body);
      Sandbox sandbox = run.sandboxOf(message.content());
      if (message.journey() == null || sandbox == null) {
        refuse(message);
        acknowledge(envelope);
      } else {
        deliver(message, sandbox, envelope);
      }
    }

    private void refuse(Original message) {
      if (run.arrive(message.content(), "nobody") instanceof Arrival.Accepted accepted) {
        accepted.work().finish(null);
      }
    }

    private void deliver(Original message, Sandbox sandbox, Envelope envelope) {
      String queue = message.queue();
      Original.Journey journey = message.again(false);
      boolean counted = putBack.expects(message.journey());
      putBack.expect(journey, sandbox, queue);
      putBack.arrived(message.journey(), queue);
      String messageId = message.properties().getMessageId();
      if (!counted && messageId != null) {
        sandbox.notInTransit(messageId, queue);
      }
      String home = homes.within(sandbox, queue);
      if (home == null) {
        park(message, journey, envelope, "no listener of this run listens to queue " + queue);
        return;
      }
      send(
          home,
          message,
          journey,
          outcome -> {
            if (outcome == Outlet.Outcome.REFUSED) {
              park(message, journey, envelope, "nobody is at " + home);
            } else {
              settled(message, journey, envelope, outcome);
            }
          });
    }

    private void park(Original message, Original.Journey journey, Envelope envelope, String why) {
      putBack.arrived(journey, message.queue());
      Original.Journey aside = message.again(false);
      send(
          Homes.PARKED,
          message,
          aside,
          outcome -> {
            forwarding.parked(message, why, outcome);
            settled(message, aside, envelope, outcome);
          });
    }

    private void send(
        String queue,
        Original message,
        Original.Journey journey,
        java.util.function.Consumer<Outlet.Outcome> told) {
      putBack.send(queue, message, journey, getChannel().getConnection(), told);
    }

    private void settled(
        Original message, Original.Journey journey, Envelope envelope, Outlet.Outcome outcome) {
      if (outcome == Outlet.Outcome.FAILED) {
        putBack.arrived(journey, message.queue());
      } else {
        acknowledge(envelope);
      }
    }

    private void acknowledge(Envelope envelope) {
      try {
        getChannel().basicAck(envelope.getDeliveryTag(), false);
      } catch (IOException | RuntimeException closed) {
        LOG.debug("Not acknowledged, so the broker delivers it again", closed);
      }
    }
  }

  /** Deletes the queue where nothing is left in it; else that is parked, and the queue expires. */
  @Override
  public synchronized void close() {
    for (Channel channel : List.copyOf(channels.values())) {
      try {
        Connection connection = channel.getConnection();
        // What was not acknowledged is back in the queue then.
        channel.close();
        OwnConnections.channel(connection).queueDelete(Homes.queueOf(run.name()), false, true);
      } catch (IOException | TimeoutException | RuntimeException gone) {
        LOG.debug("The home queue of this run is left to expire", gone);
      }
    }
    channels.clear();
  }
}
