package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.context.Scope;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A broker, an application's connections to it, and a connection of nobody. */
final class RawClient implements AutoCloseable {

  /** How an application has come by a wrapped channel. */
  enum Way {
    FACTORY,
    RECOVERING_FACTORY,
    CONNECTION,
    CHANNEL
  }

  private final TestBroker broker;
  private final Connection outside;
  private final List<Connection> opened = new ArrayList<>();
  private final List<String> queues = new ArrayList<>();

  private RawClient(TestBroker broker) throws Exception {
    this.broker = broker;
    this.outside = factory().newConnection();
  }

  /** On the broker that SANDPIPER_RABBIT_URL names, otherwise on an embedded one. */
  static RawClient start() throws Exception {
    return new RawClient(new TestBroker());
  }

  boolean isRabbit() {
    return broker.isRabbit();
  }

  /** One that is not wrapped. */
  ConnectionFactory factory() throws Exception {
    return broker.plainFactory();
  }

  BrokerKey key() throws Exception {
    return BrokerKey.of(factory());
  }

  Channel open(Way way) throws Exception {
    return open(way, factory -> {});
  }

  /** A channel that is wrapped in this way. */
  Channel open(Way way, Consumer<ConnectionFactory> customizer) throws Exception {
    ConnectionFactory factory = factory();
    factory.setAutomaticRecoveryEnabled(way == Way.RECOVERING_FACTORY);
    customizer.accept(factory);
    if (way == Way.FACTORY || way == Way.RECOVERING_FACTORY) {
      AmqpPropagation.wrap(factory);
    }
    Connection connection = connect(factory);
    if (way == Way.CHANNEL) {
      return AmqpPropagation.wrap(connection.createChannel());
    }
    return way == Way.CONNECTION
        ? AmqpPropagation.wrap(connection).createChannel()
        : connection.createChannel();
  }

  Connection connect(ConnectionFactory factory) throws Exception {
    Connection connection = factory.newConnection();
    synchronized (opened) {
      opened.add(connection);
    }
    return connection;
  }

  /** A new queue, deleted at the end. */
  String queue() throws Exception {
    String queue = "raw." + UUID.randomUUID();
    try (Channel channel = outside.createChannel()) {
      channel.queueDeclare(queue, true, false, false, null);
    }
    synchronized (queues) {
      queues.add(queue);
    }
    return queue;
  }

  Channel outside() throws Exception {
    return outside.createChannel();
  }

  /** Sends to a queue what a worker would that was given this id, or none; confirmed. */
  void send(String queue, @Nullable String id, String... texts) throws Exception {
    Map<String, Object> headers = id == null ? Map.of() : Map.of("x-test-id", id);
    try (Channel channel = outside.createChannel()) {
      channel.confirmSelect();
      for (String text : texts) {
        channel.basicPublish(
            "",
            queue,
            new AMQP.BasicProperties.Builder().headers(headers).build(),
            text.getBytes(StandardCharsets.UTF_8));
      }
      channel.waitForConfirmsOrDie(30_000);
    }
  }

  /** How many messages nobody holds; those of closed channels are back by then. */
  long ready(String queue) throws Exception {
    try (Channel channel = outside.createChannel()) {
      return channel.messageCount(queue);
    }
  }

  /** A sandbox of the run that {@link AmqpPropagation} works for. */
  static Sandbox sandbox(String name) {
    return Run.ofThisJvm()
        .open(
            Sandbox.Settings.of(name, Isolation.NONE, RawClient.class)
                .withBackgroundErrors(BackgroundErrors.REPORT));
  }

  static void end(Sandbox sandbox) {
    Run.ofThisJvm().end(sandbox, null);
  }

  interface Action {
    void run() throws Exception;
  }

  /** Does something as the test of a sandbox. */
  static void as(@Nullable Sandbox sandbox, Action action) throws Exception {
    try (Scope scope = sandbox == null ? Scope.open(null, "outside") : sandbox.test().bind()) {
      action.run();
    }
  }

  @Override
  public void close() throws Exception {
    try (Channel channel = outside.createChannel()) {
      for (String queue : queues) {
        channel.queueDelete(queue);
      }
    }
    opened.forEach(connection -> connection.abort(5_000));
    outside.close();
    broker.close();
  }
}
