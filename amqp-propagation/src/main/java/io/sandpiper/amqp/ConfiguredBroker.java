package io.sandpiper.amqp;

import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import io.sandpiper.server.ServerChoice;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;

/** A broker that the settings name, and that is left as it is. */
record ConfiguredBroker(VirtualHost virtualHost, String description) implements BrokerSource {

  static ConfiguredBroker connect(String url, ServerChoice choice) {
    VirtualHost virtualHost = parse(url, choice);
    try (Connection connection = factory(virtualHost).newConnection("sandpiper")) {
      return new ConfiguredBroker(virtualHost, describe(connection, virtualHost));
    } catch (IOException | TimeoutException | GeneralSecurityException e) {
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

  private static ConnectionFactory factory(VirtualHost virtualHost)
      throws GeneralSecurityException {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setHost(virtualHost.host());
    factory.setPort(virtualHost.port());
    factory.setUsername(virtualHost.user());
    factory.setPassword(virtualHost.password());
    factory.setVirtualHost(virtualHost.name());
    if (virtualHost.tls()) {
      factory.useSslProtocol(SSLContext.getDefault());
      factory.enableHostnameVerification();
    }
    return factory;
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
