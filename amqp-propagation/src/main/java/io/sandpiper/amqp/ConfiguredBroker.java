package io.sandpiper.amqp;

import com.rabbitmq.client.Connection;
import io.sandpiper.server.ServerChoice;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.TimeoutException;

/** A broker that the settings name, and that is left as it is. */
record ConfiguredBroker(VirtualHost virtualHost, String description) implements BrokerSource {

  static ConfiguredBroker connect(String url, ServerChoice choice) {
    VirtualHost virtualHost = parse(url, choice);
    try (Connection connection = virtualHost.connectionFactory().newConnection("sandpiper")) {
      return new ConfiguredBroker(virtualHost, describe(connection, virtualHost));
    } catch (IOException | TimeoutException e) {
      throw new IllegalStateException(
          "No broker answers at %s: %s. Check %s, and that the broker runs"
              .formatted(virtualHost, message(e), choice.nameOf("url")),
          e);
    }
  }

  @Override
  public boolean ours() {
    return false;
  }

  @Override
  public VirtualHost createVirtualHost(String name) {
    return virtualHost;
  }

  @Override
  public void close() {}

  private static VirtualHost parse(String url, ServerChoice choice) {
    try {
      return VirtualHost.parse(url);
    } catch (IllegalArgumentException e) {
      // Without the cause, whose message repeats the URL with its password.
      throw new IllegalArgumentException(
          "%s is \"%s\", which is no AMQP URI: write it as amqp://user:password@host:port/vhost, with %%2F for a slash in a name"
              .formatted(choice.nameOf("url"), url.replaceFirst("//.*@", "//")));
    }
  }

  private static String describe(Connection connection, VirtualHost virtualHost) {
    Map<String, Object> properties = connection.getServerProperties();
    return "configured %s %s at %s"
        .formatted(properties.get("product"), properties.get("version"), virtualHost);
  }

  /** The client wraps what the broker said, and says nothing itself. */
  private static String message(Throwable failure) {
    return failure.getMessage() == null && failure.getCause() != null
        ? message(failure.getCause())
        : String.valueOf(failure.getMessage());
  }
}
