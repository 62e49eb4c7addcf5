package io.sandpiper.amqp;

import io.sandpiper.Hop;
import java.util.HashMap;
import java.util.List;
import java.util.Objects;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageProperties;

/** Spring AMQP's messages in the words of the core. */
final class SpringMessages {

  private SpringMessages() {}

  static Hop.Content received(Message message) {
    MessageProperties properties = message.getMessageProperties();
    return new Hop.Content(
        Hop.Direction.RECEIVED,
        queueOf(message),
        new Hop.Route(
            Objects.requireNonNullElse(properties.getReceivedExchange(), ""),
            Objects.requireNonNullElse(properties.getReceivedRoutingKey(), "")),
        // Recoverers write into the original, and the parts of a batch share it.
        new HashMap<>(properties.getHeaders()),
        message.getBody(),
        new Hop.Ids(
            properties.getCorrelationId(), properties.getMessageId(), properties.getReplyTo()));
  }

  static String queueOf(Message message) {
    return Objects.requireNonNullElse(message.getMessageProperties().getConsumerQueue(), "?");
  }

  static long tagOf(Message message) {
    return message.getMessageProperties().getDeliveryTag();
  }

  /** The deliveries that messages came with; the parts of one batch came with one. */
  static List<Long> deliveries(List<Message> messages) {
    return messages.stream().map(SpringMessages::tagOf).distinct().toList();
  }
}
