package io.sandpiper;

import io.sandpiper.WatchedCall.Teller;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;

/** The calls that one test watches. */
final class WatchedCalls {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Sandbox sandbox;

  /** Who tells of the calls of a class: of several that could, the first that was asked. */
  private final Map<Class<?>, Teller> watched = new ConcurrentHashMap<>();

  WatchedCalls(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  static String address(Class<?> type, String method) {
    return type.getName() + "." + method;
  }

  void watch(Class<?> type, Teller teller) {
    watched.putIfAbsent(type, teller);
  }

  /** Whether somebody wants to know of calls of this type, and by this teller. */
  boolean watches(Teller teller, Class<?> type) {
    return watched.entrySet().stream().anyMatch(each -> is(each, teller, type));
  }

  private static boolean is(Map.Entry<Class<?>, Teller> watch, Teller teller, Class<?> type) {
    return watch.getValue() == teller && watch.getKey().isAssignableFrom(type);
  }

  void called(
      Teller teller, Class<?> type, String method, @Nullable Object[] arguments, String outcome) {
    byte[] body = json(arguments).getBytes(StandardCharsets.UTF_8);
    for (Map.Entry<Class<?>, Teller> each : watched.entrySet()) {
      if (is(each, teller, type)) {
        sandbox
            .hops()
            .called(
                new Hop.Content(
                    Hop.Direction.CALLED,
                    address(each.getKey(), method),
                    null,
                    Map.of("outcome", outcome),
                    body,
                    Hop.Ids.NONE));
      }
    }
  }

  /** What cannot be written as JSON is there as text. */
  private static String json(@Nullable Object[] arguments) {
    ArrayNode array = JSON.createArrayNode();
    for (Object argument : arguments) {
      try {
        array.add(JSON.<JsonNode>valueToTree(argument));
      } catch (RuntimeException | StackOverflowError unreadable) {
        array.add(text(argument));
      }
    }
    return array.toString();
  }

  static String text(@Nullable Object value) {
    try {
      return String.valueOf(value);
    } catch (RuntimeException | StackOverflowError unreadable) {
      return "a %s that cannot be written".formatted(value == null ? "" : value.getClass());
    }
  }
}
