package io.sandpiper;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * One message or request that crossed the process boundary, sent or received, or one call that was
 * watched, as it was then.
 *
 * <p>Immutable and safe for use by several threads.
 */
public final class Hop {

  /** Which way a hop went. */
  public enum Direction {
    /** It left this process. */
    SENT,
    /** It came into this process. */
    RECEIVED,
    /** It is a call of a {@linkplain Sandbox#watch watched} method, and stayed in this process. */
    CALLED;

    private final String word = name().toLowerCase(java.util.Locale.ROOT);

    @Override
    public String toString() {
      return word;
    }
  }

  /** How much a line shows of the arguments of a call, and of its outcome, in characters. */
  private static final int SHORT = 120;

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final int number;
  private final Duration at;
  private final Content content;
  private final Attribution attribution;
  private final @Nullable Work handler;

  Hop(int number, Duration at, Content content, Attribution attribution, @Nullable Work handler) {
    this.number = number;
    this.at = at;
    this.content = content;
    this.attribution = attribution;
    this.handler = handler;
  }

  /**
   * What a transport knows of a hop.
   *
   * @param direction which way it goes
   * @param address the queue it came from, the routing key it was sent with, or method and path
   * @param route how a broker was told to route it, or null where the transport has no broker
   * @param headers its headers; values of whatever type the transport gives
   * @param body its body; not copied, so not to be changed afterwards
   * @param ids what a reply may refer to
   */
  public record Content(
      Direction direction,
      String address,
      @Nullable Route route,
      Map<String, ? extends @Nullable Object> headers,
      byte[] body,
      Ids ids) {}

  /**
   * How a broker was told to route a message.
   *
   * @param exchange the exchange it was sent to; empty for the default one
   * @param routingKey the routing key it was sent with
   */
  public record Route(String exchange, String routingKey) {}

  /**
   * What a reply may refer to.
   *
   * @param correlationId its correlation id, or null
   * @param messageId its message id, or null
   * @param replyAddress the queue to which a reply is asked for, or null
   */
  public record Ids(
      @Nullable String correlationId, @Nullable String messageId, @Nullable String replyAddress) {

    /** None of them. */
    public static final Ids NONE = new Ids(null, null, null);
  }

  /** The number of this hop within its test, from 1, in the order of the journal. */
  public int number() {
    return number;
  }

  /** When it happened, from the start of its test. */
  public Duration at() {
    return at;
  }

  /** Which way it went. */
  public Direction direction() {
    return content.direction();
  }

  /**
   * The queue it came from, the routing key it was sent with, method and path, or the class and
   * method that was called.
   */
  public String address() {
    return content.address();
  }

  /** The exchange it was sent to, or null where there is none. */
  public @Nullable String exchange() {
    Route route = content.route();
    return route == null ? null : route.exchange();
  }

  /** The routing key it was sent with, or null where there is none. */
  public @Nullable String routingKey() {
    Route route = content.route();
    return route == null ? null : route.routingKey();
  }

  /** A header's value as text, or null where it is absent; names are compared without case. */
  public @Nullable String header(String name) {
    Map<String, Object> ignoringCase = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    content.headers().forEach((key, value) -> ignoringCase.put(key, String.valueOf(value)));
    Object value = ignoringCase.get(name);
    return value == null ? null : value.toString();
  }

  /** The correlation id, or null where it has none. */
  public @Nullable String correlationId() {
    return content.ids().correlationId();
  }

  /** The message id, or null where it has none. */
  public @Nullable String messageId() {
    return content.ids().messageId();
  }

  /** The body as UTF-8 text. */
  public String text() {
    return new String(content.body(), StandardCharsets.UTF_8);
  }

  /** A copy of the body. */
  public byte[] body() {
    return content.body().clone();
  }

  /**
   * The body as JSON.
   *
   * @throws IllegalStateException where it is none
   */
  public JsonNode json() {
    JsonNode json = jsonOrNull();
    if (json == null) {
      throw new IllegalStateException(
          "The body of %s is not JSON. Read it with text() or body().".formatted(this));
    }
    return json;
  }

  /** How it was matched to its test. */
  public Attribution attribution() {
    return attribution;
  }

  @Nullable JsonNode jsonOrNull() {
    try {
      JsonNode json = JSON.readTree(content.body());
      return json.isMissingNode() ? null : json;
    } catch (JacksonException notJson) {
      return null;
    }
  }

  /** The work that handles this hop, or null where nobody in this process does. */
  @Nullable Work handler() {
    return handler;
  }

  /** "sent scoring.requests", or {@code called Orders.place("bolt",2) returned 20}. */
  @Override
  public String toString() {
    String what = direction() + " " + address();
    if (direction() != Direction.CALLED) {
      return what;
    }
    String arguments = text();
    return "%s(%s)  %s"
        .formatted(
            what,
            shortened(arguments.substring(1, arguments.length() - 1)),
            shortened(String.valueOf(header("outcome"))));
  }

  private static String shortened(String text) {
    return text.length() <= SHORT ? text : text.substring(0, SHORT) + "…";
  }
}
