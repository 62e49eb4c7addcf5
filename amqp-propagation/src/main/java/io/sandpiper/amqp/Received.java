package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Envelope;
import io.sandpiper.Hop;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A message as it was when a consumer was first given it, whatever way it has gone since.
 *
 * @param queue the application's queue that it was taken from
 * @param exchange the exchange it was published to
 * @param routingKey the routing key it was published with
 * @param redelivered whether the broker has delivered it before
 * @param properties its properties, with all headers but ours
 * @param body its body; not copied
 * @param journey what of it was our doing, or null where we have not published it
 */
record Received(
    String queue,
    String exchange,
    String routingKey,
    boolean redelivered,
    AMQP.BasicProperties properties,
    byte[] body,
    @Nullable Journey journey) {

  /**
   * The way of a message that we have published again.
   *
   * @param token its name on the last part of the way
   * @param hops how often it was forwarded to another home
   */
  record Journey(String token, int hops) {}

  /** A message as the client gives it, restored where we have published it. */
  static Received of(
      String queue, Envelope envelope, AMQP.@Nullable BasicProperties properties, byte[] body) {
    Received arrived =
        new Received(
            queue,
            envelope.getExchange(),
            envelope.getRoutingKey(),
            envelope.isRedeliver(),
            properties == null ? new AMQP.BasicProperties() : properties,
            body,
            null);
    PutBackHeader header = PutBackHeader.in(arrived.properties().getHeaders());
    return header == null ? arrived : header.restore(arrived);
  }

  /** How often it was forwarded to another home. */
  int hops() {
    return journey == null ? 0 : journey.hops();
  }

  /** The envelope that a consumer is to see. */
  Envelope envelope(long deliveryTag) {
    return new Envelope(deliveryTag, redelivered, exchange, routingKey);
  }

  Hop.Content content() {
    return new Hop.Content(
        Hop.Direction.RECEIVED,
        queue,
        new Hop.Route(exchange, routingKey),
        Objects.requireNonNullElse(properties.getHeaders(), Map.of()),
        body,
        new Hop.Ids(
            properties.getCorrelationId(), properties.getMessageId(), properties.getReplyTo()));
  }

  Received redelivered(boolean now) {
    return new Received(queue, exchange, routingKey, redelivered || now, properties, body, journey);
  }

  /** The same, to be known by a new name on its way. */
  Received on(Journey next) {
    return new Received(queue, exchange, routingKey, redelivered, properties, body, next);
  }

  @Override
  public String toString() {
    return "message %s of queue %s".formatted(properties.getMessageId(), queue);
  }
}
