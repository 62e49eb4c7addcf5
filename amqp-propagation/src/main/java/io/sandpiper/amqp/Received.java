package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Envelope;
import io.sandpiper.Hop;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the client hands over of a message, as the harness has it. */
final class Received {

  private Received() {}

  static Hop.Content content(
      String queue,
      Envelope envelope,
      AMQP.@Nullable BasicProperties properties,
      byte @Nullable [] body) {
    AMQP.BasicProperties present = properties == null ? new AMQP.BasicProperties() : properties;
    Map<String, Object> headers = present.getHeaders();
    return new Hop.Content(
        Hop.Direction.RECEIVED,
        queue,
        new Hop.Route(envelope.getExchange(), envelope.getRoutingKey()),
        headers == null ? Map.of() : headers,
        body == null ? new byte[0] : body,
        new Hop.Ids(present.getCorrelationId(), present.getMessageId(), present.getReplyTo()));
  }
}
