package io.sandpiper.amqp;

import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import io.sandpiper.Run;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.core.Binding;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.core.QueueInformation;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitAdmin;
import org.springframework.amqp.rabbit.core.RabbitTemplate;

/**
 * The broker that the environment names, else an embedded one, with a virtual host for tests that
 * need no application context. A broker that is not ours keeps what earlier tests have declared:
 * give names a {@link #prefix()} there.
 */
final class TestBroker implements AutoCloseable {

  private final BrokerServer server = BrokerServer.start(TestBroker::setting);
  private final VirtualHost virtualHost = server.createVirtualHost("tests-" + prefix());
  private final CachingConnectionFactory own = connections();
  private final RabbitAdmin admin = new RabbitAdmin(own);

  /** Of names that no other test has. */
  static String prefix() {
    return UUID.randomUUID().toString().substring(0, 8) + ".";
  }

  static @Nullable String setting(String name) {
    if (name.equals("sandpiper.rabbit.url")) {
      return System.getenv("SANDPIPER_RABBIT_URL");
    }
    return name.equals("sandpiper.rabbit.server") ? "embedded" : null;
  }

  /** Whether it is RabbitMQ, and not what stands in for it. */
  boolean isRabbit() {
    return !server.description().startsWith("embedded");
  }

  VirtualHost virtualHost() {
    return virtualHost;
  }

  /** An hour: for RabbitMQ from the publishing on, for the embedded broker from 1970 on. */
  String longExpiration() {
    long hour = TimeUnit.HOURS.toMillis(1);
    return String.valueOf(isRabbit() ? hour : System.currentTimeMillis() + hour);
  }

  CachingConnectionFactory connections() {
    CachingConnectionFactory connections = new CachingConnectionFactory();
    connections.setUri(virtualHost.uri());
    return connections;
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

  void declareQueue(String name) {
    admin.declareQueue(new Queue(name));
  }

  void bind(String queue, String exchange, String routingKey) {
    admin.declareBinding(
        new Binding(queue, Binding.DestinationType.QUEUE, exchange, routingKey, null));
  }

  void deleteQueue(String name) {
    admin.deleteQueue(name);
  }

  boolean hasQueue(String name) {
    return admin.getQueueInfo(name) != null;
  }

  /** Takes a message on a connection that is not wrapped; null where there is none. */
  @Nullable GetResponse get(String queue) {
    return new RabbitTemplate(own).execute(channel -> channel.basicGet(queue, true));
  }

  long messageCount(String queue) {
    QueueInformation information = admin.getQueueInfo(queue);
    return Objects.requireNonNull(information, queue).getMessageCount();
  }

  @Override
  public void close() {
    own.destroy();
    server.close();
  }
}
