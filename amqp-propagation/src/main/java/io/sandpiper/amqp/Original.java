package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Envelope;
import io.sandpiper.Hop;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
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
record Original(
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
   * @param disturbed whether a fault has happened to it, so that none happens any more
   */
  record Journey(String token, int hops, boolean disturbed) {

    private static Journey begin() {
      return new Journey(UUID.randomUUID().toString(), 0, false);
    }
  }

  /** A message as the client gives it, restored where we have published it. */
  static Original of(
      String queue, Envelope envelope, AMQP.@Nullable BasicProperties properties, byte[] body) {
    Original arrived =
        new Original(
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

  /** The next part of its way, within its home. */
  Journey again(boolean disturbed) {
    return new Journey(Journey.begin().token(), hops(), disturbed || isDisturbed());
  }

  /** The next part of its way, which leads to another home. */
  Journey onward() {
    Journey so = journey == null ? Journey.begin() : journey;
    // Its home may wait for it by the name that it has.
    return new Journey(so.token(), so.hops() + 1, so.disturbed());
  }

  private boolean isDisturbed() {
    return journey != null && journey.disturbed();
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

  Original redelivered(boolean now) {
    return new Original(queue, exchange, routingKey, redelivered || now, properties, body, journey);
  }

  @Override
  public String toString() {
    return "message %s of queue %s".formatted(properties.getMessageId(), queue);
  }
}
