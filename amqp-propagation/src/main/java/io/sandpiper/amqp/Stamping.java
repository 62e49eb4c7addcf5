package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import io.sandpiper.Hop;
import io.sandpiper.Propagation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Stamps what is published inside a sandbox, and records it there before it is sent. */
final class Stamping {

  private final TransitCounter transits;
  private final Supplier<BrokerKey> broker;

  /**
   * For what is published to one broker.
   *
   * @param broker says which, when something is published
   */
  Stamping(TransitCounter transits, Supplier<BrokerKey> broker) {
    this.transits = transits;
    this.broker = broker;
  }

  /** Sends a message with these properties. */
  interface Send {
    void send(AMQP.@Nullable BasicProperties properties) throws Throwable;
  }

  /**
   * Publishes a message; outside any sandbox as it is.
   *
   * @param body a {@code byte[]}, a ByteBuffer or null
   * @return what was published, or null where it is no test's
   */
  @Nullable Publication publish(
      String exchange,
      String routingKey,
      AMQP.@Nullable BasicProperties properties,
      @Nullable Object body,
      Send send)
      throws Throwable {
    Sandbox sandbox = senderOf(exchange, routingKey, properties);
    if (sandbox == null) {
      send.send(properties);
      return null;
    }
    AMQP.BasicProperties stamped = stamp(sandbox, properties);
    // Recorded before it is sent: the reply may be faster than this thread.
    Publication publication =
        transits.send(sandbox, broker.get(), content(exchange, routingKey, stamped, body), stamped);
    try {
      send.send(stamped);
      return publication;
    } catch (Throwable failed) {
      publication.failed(failed);
      throw failed;
    }
  }

  /**
   * Whose message it is: the test's that the thread works for; on a thread that works for nobody,
   * such as a timer's, the test's that the message names, be it by what it answers.
   */
  private static @Nullable Sandbox senderOf(
      String exchange, String routingKey, AMQP.@Nullable BasicProperties properties) {
    Work work = Work.current();
    if (work != null) {
      return work.sandbox();
    }
    if (properties == null || Sandbox.isOutside()) {
      return null;
    }
    return Run.ofThisJvm()
        .sandboxOf(
            new Hop.Content(
                Hop.Direction.SENT,
                routingKey,
                new Hop.Route(exchange, routingKey),
                Objects.requireNonNullElse(properties.getHeaders(), Map.of()),
                new byte[0],
                new Hop.Ids(properties.getCorrelationId(), null, null)));
  }

  private static Hop.Content content(
      String exchange, String routingKey, AMQP.BasicProperties stamped, @Nullable Object body) {
    return new Hop.Content(
        Hop.Direction.SENT,
        routingKey,
        new Hop.Route(exchange, routingKey),
        stamped.getHeaders(),
        bytes(body),
        new Hop.Ids(
            stamped.getCorrelationId(), stamped.getMessageId(), replyQueue(stamped.getReplyTo())));
  }

  /** The name that stands for the client itself is the same for everybody. */
  private static @Nullable String replyQueue(@Nullable String replyTo) {
    return replyTo == null || replyTo.startsWith(Traffic.DIRECT_REPLY) ? null : replyTo;
  }

  static AMQP.BasicProperties stamp(Sandbox sandbox, AMQP.@Nullable BasicProperties properties) {
    AMQP.BasicProperties original = properties == null ? new AMQP.BasicProperties() : properties;
    Map<String, Object> given = Objects.requireNonNullElse(original.getHeaders(), Map.of());
    // With room for ours: putAll makes it just large enough for the others.
    Map<String, Object> headers = new HashMap<>(2 * given.size() + 8);
    headers.putAll(given);
    Object baggage = headers.get(Propagation.BAGGAGE);
    Propagation.inject(sandbox, baggage == null ? null : baggage.toString(), headers::put);
    AMQP.BasicProperties.Builder stamped = original.builder().headers(headers);
    if (original.getMessageId() == null) {
      stamped.messageId(sandbox.newMessageId());
    }
    return stamped.build();
  }

  private static byte[] bytes(@Nullable Object body) {
    if (body instanceof ByteBuffer buffer) {
      byte[] copy = new byte[buffer.remaining()];
      buffer.duplicate().get(copy);
      return copy;
    }
    return body instanceof byte[] array ? array : new byte[0];
  }
}
