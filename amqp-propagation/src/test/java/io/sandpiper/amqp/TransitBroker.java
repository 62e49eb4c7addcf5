package io.sandpiper.amqp;

import com.rabbitmq.client.ConnectionFactory;
import io.sandpiper.Run;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The broker that the environment names, else an embedded one, for tests that need no application
 * context. A broker that is not ours keeps what earlier tests have declared: names have a prefix.
 */
final class TransitBroker implements AutoCloseable {

  private final BrokerServer server = BrokerServer.start(TransitBroker::setting);
  private final VirtualHost virtualHost =
      server.createVirtualHost("transit-" + UUID.randomUUID().toString().substring(0, 8));

  private static @Nullable String setting(String name) {
    if (name.equals("sandpiper.rabbit.url")) {
      return System.getenv("SANDPIPER_RABBIT_URL");
    }
    return name.equals("sandpiper.rabbit.server") ? "embedded" : null;
  }

  /** Whether it is RabbitMQ, and not what stands in for it. */
  boolean isRabbit() {
    return !server.description().startsWith("embedded");
  }

  static String prefix() {
    return UUID.randomUUID().toString().substring(0, 8) + ".";
  }

  VirtualHost virtualHost() {
    return virtualHost;
  }

  /** A factory whose connections are followed by the run. */
  ConnectionFactory factory(Run run) throws Exception {
    ConnectionFactory factory = plainFactory();
    ClientHooks.install(factory, run);
    return factory;
  }

  /** A factory of somebody outside. */
  ConnectionFactory plainFactory() throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(virtualHost.uri());
    factory.setAutomaticRecoveryEnabled(false);
    return factory;
  }

  @Override
  public void close() {
    server.close();
  }
}
