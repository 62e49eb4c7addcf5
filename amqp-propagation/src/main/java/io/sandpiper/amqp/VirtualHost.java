package io.sandpiper.amqp;

import com.rabbitmq.client.ConnectionFactory;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.NoSuchAlgorithmException;
import javax.net.ssl.SSLContext;

/**
 * A virtual host of a broker, and how to connect to it.
 *
 * @param host the broker's host
 * @param port the broker's port
 * @param user who connects
 * @param password that user's password
 * @param name the virtual host's name
 * @param tls whether connections are encrypted
 */
record VirtualHost(String host, int port, String user, String password, String name, boolean tls) {

  private static final int PORT = 5672;
  private static final int TLS_PORT = 5671;

  /**
   * Reads an AMQP URI. What it leaves out is what RabbitMQ has by default.
   *
   * @throws IllegalArgumentException if it is none; the message does not repeat it
   */
  static VirtualHost parse(String text) {
    URI uri = URI.create(text);
    boolean tls = "amqps".equalsIgnoreCase(uri.getScheme());
    if (!tls && !"amqp".equalsIgnoreCase(uri.getScheme()) || uri.getHost() == null) {
      throw new IllegalArgumentException("no AMQP URI");
    }
    String[] user = userInfo(uri);
    int port = uri.getPort() >= 0 ? uri.getPort() : tls ? TLS_PORT : PORT;
    return new VirtualHost(uri.getHost(), port, user[0], user[1], name(uri), tls);
  }

  /** The AMQP URI of this virtual host, with the password. */
  String uri() {
    return "%s://%s:%s@%s:%d/%s"
        .formatted(
            tls ? "amqps" : "amqp", encode(user), encode(password), host, port, encode(name));
  }

  /** A factory of the client's, without anything of the harness, that connects to it. */
  ConnectionFactory connectionFactory() {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setHost(host);
    factory.setPort(port);
    factory.setUsername(user);
    factory.setPassword(password);
    factory.setVirtualHost(name);
    if (tls) {
      useTls(factory);
    }
    return factory;
  }

  private static void useTls(ConnectionFactory factory) {
    try {
      factory.useSslProtocol(SSLContext.getDefault());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(
          "This JVM has no default for TLS. Check its javax.net.ssl properties.", e);
    }
    factory.enableHostnameVerification();
  }

  /** The virtual host in one line, for logs: without the password. */
  @Override
  public String toString() {
    return "%s://%s:%d/%s as %s".formatted(tls ? "amqps" : "amqp", host, port, encode(name), user);
  }

  private static String[] userInfo(URI uri) {
    if (uri.getRawUserInfo() == null) {
      return new String[] {"guest", "guest"};
    }
    String[] parts = uri.getRawUserInfo().split(":", 2);
    return new String[] {decode(parts[0]), parts.length == 1 ? "" : decode(parts[1])};
  }

  private static String name(URI uri) {
    String path = uri.getRawPath();
    if (path.isEmpty() || path.equals("/")) {
      return "/";
    }
    if (path.indexOf('/', 1) > 0) {
      throw new IllegalArgumentException("a virtual host with a slash, which is written %2F");
    }
    return decode(path.substring(1));
  }

  /** A plus sign is itself in a URI; the classes of the JDK read and write forms. */
  private static String decode(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
