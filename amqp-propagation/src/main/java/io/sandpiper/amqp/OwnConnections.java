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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * Connections of the harness itself, one to each broker that a run uses: they outlive application
 * contexts, and come back when a broker does.
 *
 * <p>Safe for use by several threads.
 */
final class OwnConnections implements AutoCloseable {

  private static final long RECOVERY_MILLIS = 500;
  private static final long RECOVERY_MILLIS_LATER = 5_000;
  private static final int SOON = 60;
  private static final long PATIENCE_SECONDS = 10;
  private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

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

  /**
   * Ours to the broker that a factory leads to; the factory is left as it is. One that was lost is
   * given time to recover: a second one would leave what the first had opened to come back twice.
   */
  synchronized Connection to(ConnectionFactory factory) throws IOException, TimeoutException {
    String broker = brokerOf(factory);
    Connection known = connections.get(broker);
    if (known != null) {
      awaitRecovery(known, broker);
      return known;
    }
    ConnectionFactory own = factory.clone();
    own.setObservationCollector(ObservationCollector.NO_OP);
    own.setMetricsCollector(new NoOpMetricsCollector());
    own.setAutomaticRecoveryEnabled(true);
    own.setTopologyRecoveryEnabled(true);
    // They outlive those who use them, and must neither end with an executor of the application's
    // nor keep a JVM from ending whose main thread has.
    own.setSharedExecutor(null);
    own.setThreadFactory(OwnConnections::daemon);
    // Who forwards to a home of ours waits a few seconds only.
    own.setRecoveryDelayHandler(
        attempts -> attempts < SOON ? RECOVERY_MILLIS : RECOVERY_MILLIS_LATER);
    Connection opened = own.newConnection("sandpiper");
    connections.put(broker, opened);
    return opened;
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "sandpiper-amqp");
    thread.setDaemon(true);
    return thread;
  }

  private static void awaitRecovery(Connection connection, String broker) throws TimeoutException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!connection.isOpen()) {
      if (System.nanoTime() > deadline || Thread.currentThread().isInterrupted()) {
        throw new TimeoutException(
            "The harness has lost its connection to %s and could not connect again for %d s. Check that the broker runs."
                .formatted(broker, PATIENCE_SECONDS));
      }
      LockSupport.parkNanos(LOOK_AGAIN_NANOS);
    }
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
