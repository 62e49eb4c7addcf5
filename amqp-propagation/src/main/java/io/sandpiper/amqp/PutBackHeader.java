package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The one header of a message that we publish again: what the broker would lose, or act upon a
 * second time.
 *
 * @param values the table that it is
 */
record PutBackHeader(Map<?, ?> values) {

  static final String NAME = "x-sandpiper-put-back";

  private static final String QUEUE = "queue";
  private static final String EXCHANGE = "exchange";
  private static final String ROUTING_KEY = "routing-key";
  private static final String REDELIVERED = "redelivered";
  private static final String TOKEN = "token";
  private static final String HOPS = "hops";
  private static final String DISTURBED = "disturbed";
  private static final String HEADERS = "headers";
  private static final String EXPIRATION = "expiration";
  private static final String USER = "user-id";

  /** Headers that the broker routes by, delays by, counts in or writes itself. */
  private static final Set<String> OF_THE_BROKER =
      Set.of("CC", "BCC", "x-death", "x-delay", "x-delivery-count", "x-acquired-count");

  /** The header among those of a message; null where it has none. */
  static @Nullable PutBackHeader in(@Nullable Map<String, ? extends @Nullable Object> headers) {
    return headers != null
            && headers.get(NAME) instanceof Map<?, ?> table
            && table.get(TOKEN) != null
            && table.get(QUEUE) != null
        ? new PutBackHeader(table)
        : null;
  }

  /** The properties to publish a message with again. */
  static AMQP.BasicProperties propertiesOf(Original message, Original.Journey journey) {
    AMQP.BasicProperties properties = message.properties();
    Map<String, Object> table = new HashMap<>();
    table.put(QUEUE, message.queue());
    table.put(EXCHANGE, message.exchange());
    table.put(ROUTING_KEY, message.routingKey());
    table.put(REDELIVERED, message.redelivered());
    table.put(TOKEN, journey.token());
    table.put(HOPS, journey.hops());
    table.put(DISTURBED, journey.disturbed());
    putIfThere(table, EXPIRATION, properties.getExpiration());
    putIfThere(table, USER, properties.getUserId());
    Map<String, Object> headers = new HashMap<>();
    if (properties.getHeaders() != null) {
      headers.putAll(properties.getHeaders());
      table.put(HEADERS, takeBrokersOwn(headers));
    }
    headers.put(NAME, table);
    // The broker would let it expire, or refuse another user's name.
    return properties.builder().headers(headers).expiration(null).userId(null).build();
  }

  private static void putIfThere(Map<String, Object> table, String name, @Nullable Object value) {
    if (value != null) {
      table.put(name, value);
    }
  }

  private static Map<String, Object> takeBrokersOwn(Map<String, Object> headers) {
    Map<String, Object> taken = new HashMap<>();
    for (String name : Set.copyOf(headers.keySet())) {
      if (isOfTheBroker(name)) {
        taken.put(name, headers.remove(name));
      }
    }
    return taken;
  }

  private static boolean isOfTheBroker(String name) {
    return OF_THE_BROKER.contains(name)
        || name.startsWith("x-first-death-")
        || name.startsWith("x-last-death-");
  }

  String queue() {
    return String.valueOf(values.get(QUEUE));
  }

  String exchange() {
    return String.valueOf(values.get(EXCHANGE));
  }

  String routingKey() {
    return String.valueOf(values.get(ROUTING_KEY));
  }

  boolean redelivered() {
    return Boolean.TRUE.equals(values.get(REDELIVERED));
  }

  Original.Journey journey() {
    return new Original.Journey(
        String.valueOf(values.get(TOKEN)),
        values.get(HOPS) instanceof Number hops ? hops.intValue() : 0,
        Boolean.TRUE.equals(values.get(DISTURBED)));
  }

  @Nullable String expiration() {
    return text(EXPIRATION);
  }

  @Nullable String user() {
    return text(USER);
  }

  private @Nullable String text(String name) {
    Object value = values.get(name);
    return value == null ? null : value.toString();
  }

  /** Puts the broker's own headers back and takes ours away; null where there were none at all. */
  @Nullable Map<String, Object> restoreHeaders(Map<String, ? extends @Nullable Object> headers) {
    Map<String, Object> restored = new HashMap<>();
    headers.forEach(
        (name, value) -> {
          if (value != null) {
            restored.put(name, value);
          }
        });
    restored.remove(NAME);
    if (!(values.get(HEADERS) instanceof Map<?, ?> taken)) {
      return null;
    }
    restored.keySet().removeIf(PutBackHeader::isOfTheBroker);
    taken.forEach((name, value) -> restored.put(name.toString(), value));
    return restored;
  }

  Original restore(Original arrived) {
    return new Original(
        queue(),
        exchange(),
        routingKey(),
        redelivered() || arrived.redelivered(),
        arrived
            .properties()
            .builder()
            .headers(restoreHeaders(arrived.properties().getHeaders()))
            .expiration(expiration())
            .userId(user())
            .build(),
        arrived.body(),
        journey());
  }
}
