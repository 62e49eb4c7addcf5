package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import org.jspecify.annotations.Nullable;

/**
 * A request of the contract test.
 *
 * @param number its place among the requests, from 1
 * @param kind what it is sent for
 * @param id its test id, or null where it has none
 * @param properties what it is sent with
 * @param body its body
 */
record ContractRequest(
    int number, Kind kind, @Nullable String id, AMQP.BasicProperties properties, byte[] body) {

  /** What a request is sent for. */
  enum Kind {
    /** As the harness stamps it: tells which levels are satisfied. */
    STAMPED("stamped by the harness"),
    /** As production sends it. */
    WITHOUT_ID("without any id"),
    /** Stamped, with headers of all types. */
    TYPED_HEADERS("whose headers are of all types"),
    /** What the worker cannot handle. */
    UNPROCESSABLE("given as unprocessable"),
    /** Stamped, sent after one that the worker cannot handle. */
    AFTER_UNPROCESSABLE("sent after the unprocessable one");

    private final String words;

    Kind(String words) {
      this.words = words;
    }
  }

  String describe() {
    return "#%d (%s)".formatted(number, kind.words);
  }

  @Nullable String correlationId() {
    return properties.getCorrelationId();
  }

  @Nullable String messageId() {
    return properties.getMessageId();
  }
}
