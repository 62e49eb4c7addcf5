package io.sandpiper;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonPointer;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Which hop a test expects: where it is seen and what it carries.
 *
 * <p>Immutable; each method gives a new one. It describes itself and can say why a hop does not
 * match.
 */
public final class Expectation {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Hop.Direction direction;
  private final @Nullable String exchange;
  private final String address;
  private final List<Condition> conditions;
  private final @Nullable Call call;

  /** What is called. */
  private record Call(Class<?> type, String method) {}

  /**
   * @param description what must hold, to follow "where" in a message
   * @param mismatch says how a hop differs, to follow "closest:"; null where it does not
   */
  private record Condition(String description, Function<Hop, @Nullable String> mismatch) {}

  private Expectation(
      Hop.Direction direction,
      @Nullable String exchange,
      String address,
      List<Condition> conditions,
      @Nullable Call call) {
    this.direction = direction;
    this.exchange = exchange;
    this.address = Objects.requireNonNull(address, "address");
    this.conditions = conditions;
    this.call = call;
  }

  private static Expectation of(
      Hop.Direction direction, @Nullable String exchange, String address) {
    return new Expectation(direction, exchange, address, List.of(), null);
  }

  /**
   * A message that a listener of this application received, or a request that it served.
   *
   * @param address the queue, or method and path such as {@code POST /batches}
   */
  public static Expectation received(String address) {
    return of(Hop.Direction.RECEIVED, null, address);
  }

  /**
   * A message that was received and had been published to an exchange with a routing key, from
   * whatever queue: by a listener of this application, or by a tap.
   */
  public static Expectation received(String exchange, String routingKey) {
    return of(Hop.Direction.RECEIVED, Objects.requireNonNull(exchange, "exchange"), routingKey);
  }

  /**
   * A message or request that left this application.
   *
   * @param address the routing key, or method and URL such as {@code POST https://host/path}
   */
  public static Expectation sent(String address) {
    return of(Hop.Direction.SENT, null, address);
  }

  /** A message sent to an exchange with a routing key. */
  public static Expectation sent(String exchange, String routingKey) {
    return of(Hop.Direction.SENT, Objects.requireNonNull(exchange, "exchange"), routingKey);
  }

  /**
   * A call of a method that the test {@linkplain Sandbox#watch watches}, once it has returned or
   * thrown. Its body is the JSON array of its arguments as they were when it began, objects with
   * their fields; its header {@code outcome} says how it ended. An assertion refuses at once what
   * is not watched, and methods that cannot be.
   *
   * @param type the class or interface that is watched
   * @param method the method's name, of whatever parameters
   */
  public static Expectation called(Class<?> type, String method) {
    return new Expectation(
        Hop.Direction.CALLED,
        null,
        WatchedCalls.address(type, method),
        List.of(),
        new Call(type, method));
  }

  /** And it has a header of this name with this value, compared as text. */
  public Expectation header(String name, Object value) {
    String expected = value.toString();
    return and(
        "header %s is %s".formatted(name, TestId.withoutMac(expected)),
        hop -> {
          String actual = hop.header(name);
          return expected.equals(actual)
              ? null
              : "header %s was %s"
                  .formatted(name, actual == null ? "absent" : TestId.withoutMac(actual));
        });
  }

  /**
   * And its body is JSON with this value at a pointer, compared as JSON: 42 equals 42L and 42.0.
   *
   * @param pointer a JSON pointer (RFC 6901), such as {@code /items/0/id}
   * @param value what is there, converted to JSON, as arguments are where a call is expected; null
   *     for JSON's null
   * @throws IllegalArgumentException where the pointer is none
   */
  public Expectation json(String pointer, @Nullable Object value) {
    JsonPointer at = JsonPointer.compile(pointer);
    JsonNode expected = call == null ? JSON.valueToTree(value) : Snapshot.of(value);
    return and(
        "%s is %s".formatted(pointer, expected),
        hop -> {
          JsonNode body = hop.jsonOrNull();
          if (body == null) {
            return "the body was not JSON";
          }
          JsonNode actual = body.at(at);
          return expected.equals(Expectation::compareNumbers, actual)
              ? null
              : "%s was %s".formatted(pointer, actual.isMissingNode() ? "absent" : actual);
        });
  }

  /**
   * And it satisfies a predicate.
   *
   * @param description what the predicate demands, to follow "where" in a message
   */
  public Expectation matching(String description, Predicate<Hop> predicate) {
    return and(
        description, hop -> predicate.test(hop) ? null : "it was not so that " + description);
  }

  private Expectation and(String description, Function<Hop, @Nullable String> mismatch) {
    List<Condition> more = new ArrayList<>(conditions);
    more.add(new Condition(description, mismatch));
    return new Expectation(direction, exchange, address, List.copyOf(more), call);
  }

  private static int compareNumbers(JsonNode one, JsonNode other) {
    if (one.isNumber() && other.isNumber()) {
      BigDecimal left = one.decimalValue();
      return left.compareTo(other.decimalValue());
    }
    return one.equals(other) ? 0 : 1;
  }

  /** Refuses to look for what a test can never have. */
  void checkIn(Sandbox sandbox) {
    if (call != null) {
      sandbox.calls().check(call.type(), call.method());
    }
  }

  /** Why what it expects may be missing in a test although it has happened, or null. */
  @Nullable String troubleIn(Sandbox sandbox) {
    return call == null ? null : sandbox.calls().trouble(call.type());
  }

  boolean matches(Hop hop) {
    return isAt(hop) && mismatches(hop).isEmpty();
  }

  /** Whether the hop is where this expects one, whatever it carries. */
  boolean isAt(Hop hop) {
    return hop.direction() == direction
        && (exchange == null
            ? hop.address().equals(address)
            : exchange.equals(hop.exchange()) && address.equals(hop.routingKey()));
  }

  List<String> mismatches(Hop hop) {
    List<String> found = new ArrayList<>();
    for (Condition condition : conditions) {
      String mismatch = condition.mismatch().apply(hop);
      if (mismatch != null) {
        found.add(mismatch);
      }
    }
    return found;
  }

  Hop.Direction direction() {
    return direction;
  }

  String address() {
    return address;
  }

  /** {@code received on "scoring.results" where /batchId is 42}. */
  @Override
  public String toString() {
    String where =
        conditions.stream().map(Condition::description).collect(Collectors.joining(" and "));
    return "%s %s\"%s\"%s"
        .formatted(
            direction,
            exchange != null
                ? "to exchange \"%s\" with ".formatted(exchange)
                : direction == Hop.Direction.RECEIVED ? "on " : "",
            address,
            where.isEmpty() ? "" : " where " + where);
  }
}
