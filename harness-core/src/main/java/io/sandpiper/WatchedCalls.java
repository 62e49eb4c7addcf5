package io.sandpiper;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;

/** The calls that one test watches. */
final class WatchedCalls {

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Sandbox sandbox;
  private final Set<Class<?>> watched = new CopyOnWriteArraySet<>();

  WatchedCalls(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  static String address(Class<?> type, String method) {
    return type.getName() + "." + method;
  }

  void watch(Class<?> type) {
    watched.add(type);
  }

  /** Whether somebody wants to know of calls of this type. */
  boolean watches(Class<?> type) {
    return watched.stream().anyMatch(each -> each.isAssignableFrom(type));
  }

  void called(Class<?> type, String method, @Nullable Object[] arguments, String outcome) {
    byte[] body = json(arguments).getBytes(StandardCharsets.UTF_8);
    for (Class<?> each : watched) {
      if (each.isAssignableFrom(type)) {
        sandbox
            .hops()
            .called(
                new Hop.Content(
                    Hop.Direction.CALLED,
                    address(each, method),
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
