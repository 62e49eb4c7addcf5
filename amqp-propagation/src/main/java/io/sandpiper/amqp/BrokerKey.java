package io.sandpiper.amqp;

import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import java.net.InetAddress;
import java.util.Locale;

/**
 * The virtual host that connections lead to, the same for everybody who connects to it.
 *
 * @param host the broker's host; every address of this machine to itself is {@code localhost}
 * @param port the broker's port
 * @param virtualHost the virtual host's name
 */
record BrokerKey(String host, int port, String virtualHost) {

  private static final String THIS_MACHINE = "localhost";

  /** Where the connections of a factory lead to, as it is set now. */
  static BrokerKey of(ConnectionFactory factory) {
    String host = factory.getHost().toLowerCase(Locale.ROOT);
    boolean loopback = host.startsWith("127.") || host.equals("::1") || host.equals("[::1]");
    return new BrokerKey(
        loopback ? THIS_MACHINE : host, factory.getPort(), factory.getVirtualHost());
  }

  /** Where a connection leads to whose factory is not known. */
  static BrokerKey of(Connection connection) {
    int port = connection.getPort();
    return new BrokerKey(host(connection.getAddress()), port, virtualHost(connection, port));
  }

  private static String host(InetAddress address) {
    if (address.isLoopbackAddress()) {
      return THIS_MACHINE;
    }
    // getHostName() would ask a name server where the connection was given no name.
    String text = address.toString();
    String name = text.substring(0, text.indexOf('/'));
    return (name.isEmpty() ? address.getHostAddress() : name).toLowerCase(Locale.ROOT);
  }

  /** A connection tells its virtual host in its text only: amqp://user@address:port/name. */
  private static String virtualHost(Connection connection, int port) {
    String text = connection.toString();
    int at = text.lastIndexOf(":" + port + "/");
    String path = at < 0 ? text : text.substring(text.indexOf('/', at));
    return path.startsWith("/") && path.length() > 1 ? path.substring(1) : path;
  }
}
