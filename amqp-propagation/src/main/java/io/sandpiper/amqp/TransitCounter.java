package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import io.sandpiper.Hop;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Counts the messages of tests that are on their way to consumers of this JVM, on all brokers that
 * a run uses.
 *
 * <p>Safe for use by several threads.
 */
final class TransitCounter implements AutoCloseable {

  private static final int PERSISTENT = 2;

  private final Map<BrokerKey, Topology> topologies = new ConcurrentHashMap<>();
  private final Run run;
  private final Consumers consumers;

  private TransitCounter(Run run) {
    this.run = run;
    this.consumers = Consumers.of(run);
    consumers.whenNoneIsLeft(this::noneIsLeft);
  }

  /** Those of a run. */
  static TransitCounter of(Run run) {
    return run.shared(TransitCounter.class, () -> new TransitCounter(run));
  }

  /** What is known of a broker's exchanges and queues. */
  Topology topology(BrokerKey broker) {
    return topologies.computeIfAbsent(broker, any -> new Topology());
  }

  /** The test of a message, or null. */
  @Nullable Sandbox sandboxOf(String address, AMQP.BasicProperties properties) {
    return run.sandboxOf(
        new Hop.Content(
            Hop.Direction.RECEIVED,
            address,
            null,
            headers(properties),
            new byte[0],
            new Hop.Ids(properties.getCorrelationId(), properties.getMessageId(), null)));
  }

  /** The headers of a message, or none. */
  static Map<String, Object> headers(AMQP.BasicProperties properties) {
    Map<String, Object> headers = properties.getHeaders();
    return headers == null ? Map.of() : headers;
  }

  /** Learns where messages go whose way this JVM has not declared. */
  void arrived(
      BrokerKey broker, String queue, AMQP.Basic.Deliver deliver, AMQP.BasicProperties properties) {
    if (!headers(properties).containsKey("CC")) {
      topology(broker).arrived(deliver.getExchange(), deliver.getRoutingKey(), queue);
    }
  }

  /**
   * Records a message that a test is about to send, and counts it where it is sure to arrive.
   *
   * @param properties with which it is sent
   */
  Publication send(
      Sandbox sandbox, BrokerKey broker, Hop.Content content, AMQP.BasicProperties properties) {
    Hop.Route route = Objects.requireNonNull(content.route(), "the route of a message");
    String messageId = Objects.requireNonNull(content.ids().messageId(), "the message id");
    Destinations destinations =
        finder(broker)
            .of(
                new Destinations.Sending(
                    route.exchange(),
                    route.routingKey(),
                    content.headers(),
                    properties.getExpiration()),
                sandbox.drain());
    Hop hop = sandbox.sent(content, destinations.queues(), destinations.elsewhere());
    remember(sandbox, broker, messageId, destinations.queues());
    return new Publication(
        sandbox, hop, messageId, destinations.queues(), isPersistent(properties));
  }

  /** The queues consumed here that a message gets into where it is rejected from a queue. */
  List<String> ifRejected(
      Sandbox sandbox, BrokerKey broker, String queue, Destinations.Sending sending) {
    return topology(broker).queue(queue).arguments().containsKey("x-dead-letter-exchange")
        ? finder(broker).ofRejected(queue, sending, sandbox.drain()).queues()
        : List.of();
  }

  private Destinations.Finder finder(BrokerKey broker) {
    return new Destinations.Finder(topology(broker), queue -> consumers.consumes(broker, queue));
  }

  private void remember(Sandbox sandbox, BrokerKey broker, String messageId, List<String> queues) {
    if (queues.isEmpty()) {
      return;
    }
    Addressees addressees = addressees(sandbox);
    if (addressees == null) {
      return;
    }
    addressees.add(broker, messageId, queues);
    for (String queue : queues) {
      // Its last consumer may have gone after it was asked for and before this was remembered.
      if (!consumers.consumes(broker, queue)) {
        gone(addressees, broker, queue);
      }
    }
  }

  private static @Nullable Addressees addressees(Sandbox sandbox) {
    return (Addressees) sandbox.part(Addressees.class, () -> new Addressees(sandbox));
  }

  /** A connection that was lost comes back, and finds in a durable queue what the broker keeps. */
  private void gone(Addressees addressees, BrokerKey broker, String queue) {
    Departure departure = consumers.departure(broker, queue);
    boolean comesBack = departure.lost() && topology(broker).queue(queue).durable();
    addressees.lost(broker, queue, departure.why(), comesBack);
    if (comesBack) {
      addressees.delayed(broker, queue, departure.why());
    }
  }

  /** Counts a message that may be delivered to a queue once more. */
  void again(Sandbox sandbox, BrokerKey broker, String messageId, String queue) {
    sandbox.inTransit(messageId, queue);
    remember(sandbox, broker, messageId, List.of(queue));
  }

  /** The broker has a message: where that is persistent, it keeps it. */
  void kept(Sandbox sandbox, AMQP.BasicProperties properties) {
    String messageId = properties.getMessageId();
    if (messageId != null && isPersistent(properties)) {
      Addressees addressees = addressees(sandbox);
      if (addressees != null) {
        addressees.kept(messageId);
      }
    }
  }

  private static boolean isPersistent(AMQP.BasicProperties properties) {
    Integer mode = properties.getDeliveryMode();
    return mode != null && mode == PERSISTENT;
  }

  /** The broker has found no queue for it. */
  void returned(Sandbox sandbox, BrokerKey broker, String messageId) {
    for (Addressees addressees : sandbox.parts(Addressees.class)) {
      addressees.returned(broker, messageId);
    }
  }

  private void noneIsLeft(BrokerKey broker, String queue) {
    Topology topology = topology(broker);
    if (topology.queue(queue).autoDelete()) {
      topology.queueDeleted(queue);
    }
    for (Sandbox sandbox : run.openSandboxes()) {
      for (Addressees addressees : sandbox.parts(Addressees.class)) {
        gone(addressees, broker, queue);
      }
    }
  }

  @Override
  public void close() {
    topologies.clear();
  }
}
