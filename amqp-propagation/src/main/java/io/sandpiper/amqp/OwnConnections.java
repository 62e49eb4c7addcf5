package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.NoOpMetricsCollector;
import com.rabbitmq.client.observation.ObservationCollector;
import io.sandpiper.Run;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeoutException;

/**
 * Connections of the harness itself, one to each broker that a run uses: they outlive application
 * contexts, and come back when a broker does.
 *
 * <p>Safe for use by several threads.
 */
final class OwnConnections implements AutoCloseable {

  private final Map<String, Connection> connections = new HashMap<>();

  private OwnConnections() {}

  static OwnConnections of(Run run) {
    return run.shared(OwnConnections.class, OwnConnections::new);
  }

  /** The broker that a factory leads to, for messages and as a key. */
  static String brokerOf(ConnectionFactory factory) {
    return "%s:%d/%s".formatted(factory.getHost(), factory.getPort(), factory.getVirtualHost());
  }

  /**
   * A factory that leads to where a connection is: Spring keeps its addresses to itself.
   *
   * @param factory the factory of the connection; left as it is
   */
  static ConnectionFactory leadingTo(Connection connection, ConnectionFactory factory) {
    ConnectionFactory same = factory.clone();
    same.setHost(connection.getAddress().getHostName());
    same.setPort(connection.getPort());
    return same;
  }

  /** Ours to the broker that a factory leads to; the factory is left as it is. */
  synchronized Connection to(ConnectionFactory factory) throws IOException, TimeoutException {
    String broker = brokerOf(factory);
    Connection known = connections.get(broker);
    if (known != null && known.isOpen()) {
      return known;
    }
    ConnectionFactory own = factory.clone();
    own.setObservationCollector(ObservationCollector.NO_OP);
    own.setMetricsCollector(new NoOpMetricsCollector());
    own.setAutomaticRecoveryEnabled(true);
    own.setTopologyRecoveryEnabled(true);
    Connection opened = own.newConnection("sandpiper");
    connections.put(broker, opened);
    return opened;
  }

  static Channel channel(Connection connection) throws IOException {
    Channel channel = connection.createChannel();
    if (channel == null) {
      throw new IOException(
          "No channel is left on %s, which the harness needs one of. Raise its limit of channels."
              .formatted(connection));
    }
    return channel;
  }

  @Override
  public synchronized void close() {
    connections.values().forEach(Connection::abort);
    connections.clear();
  }
}
