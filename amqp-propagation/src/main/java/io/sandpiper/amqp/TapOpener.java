package io.sandpiper.amqp;

import com.rabbitmq.client.ConnectionFactory;
import io.sandpiper.Run;
import java.util.Arrays;
import java.util.List;
import org.springframework.amqp.rabbit.connection.AbstractConnectionFactory;
import org.springframework.amqp.rabbit.connection.Connection;

/** Opens the taps of an application context when it starts, before its listeners do. */
final class TapOpener extends BeforeListeners {

  private final AbstractConnectionFactory connections;
  private final List<Tap> taps;

  TapOpener(AbstractConnectionFactory connections, String... taps) {
    this.connections = connections;
    this.taps = parse(taps);
  }

  static List<Tap> parse(String... taps) {
    return Arrays.stream(taps).map(Tap::parse).toList();
  }

  static void open(AbstractConnectionFactory connections, List<Tap> taps) {
    Taps.of(Run.ofThisJvm()).open(asConnected(connections), taps);
  }

  /** With a connection the application's exchanges are declared. */
  private static ConnectionFactory asConnected(AbstractConnectionFactory connections) {
    ConnectionFactory factory = connections.getRabbitConnectionFactory();
    Connection open = connections.createConnection();
    try {
      com.rabbitmq.client.Connection delegate = open.getDelegate();
      return delegate == null ? factory : OwnConnections.leadingTo(delegate, factory);
    } finally {
      open.close();
    }
  }

  /** They stay open at the end, for other contexts with the same broker. */
  @Override
  void begin() {
    open(connections, taps);
  }
}
