package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.LongString;
import io.sandpiper.Propagation;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A message that came to the queue of the replies.
 *
 * @param sent how many requests were sent when it came
 * @param properties its properties
 * @param body its body
 */
record ContractReply(int sent, AMQP.BasicProperties properties, byte[] body) {

  Map<String, Object> headers() {
    return properties.getHeaders() == null ? Map.of() : properties.getHeaders();
  }

  /** The header, or null where it is missing or no text. */
  @Nullable String text(String header) {
    Object value = headers().get(header);
    return value instanceof LongString || value instanceof String ? value.toString() : null;
  }

  /** The test id of its own header, or null. */
  @Nullable String ownId() {
    return text(Propagation.HEADER);
  }

  /** The test id of its baggage, or null. */
  @Nullable String baggageId() {
    return Propagation.idIn(text(Propagation.BAGGAGE));
  }

  @Nullable String correlationId() {
    return properties.getCorrelationId();
  }
}
