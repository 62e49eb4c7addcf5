package io.sandpiper.amqp;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Whether a message matches a binding, by the rules of the exchange types that RabbitMQ has. */
final class Matching {

  private static final String HOW = "x-match";

  private Matching() {}

  /** A topic pattern: {@code *} is one word, {@code #} any number of words, none too. */
  static boolean topic(String pattern, String routingKey) {
    return words(words(pattern), words(routingKey));
  }

  private static List<String> words(String text) {
    return text.isEmpty() ? List.of() : Arrays.asList(text.split("\\.", -1));
  }

  private static boolean words(List<String> pattern, List<String> words) {
    if (pattern.isEmpty()) {
      return words.isEmpty();
    }
    List<String> rest = pattern.subList(1, pattern.size());
    if (pattern.get(0).equals("#")) {
      for (int from = 0; from <= words.size(); from++) {
        if (words(rest, words.subList(from, words.size()))) {
          return true;
        }
      }
      return false;
    }
    return !words.isEmpty()
        && (pattern.get(0).equals("*") || pattern.get(0).equals(words.get(0)))
        && words(rest, words.subList(1, words.size()));
  }

  /** The arguments of a binding to a headers exchange against the headers of a message. */
  static boolean headers(
      Map<String, ? extends @Nullable Object> arguments,
      Map<String, ? extends @Nullable Object> headers) {
    String how = String.valueOf(arguments.containsKey(HOW) ? arguments.get(HOW) : "all");
    boolean all = how.startsWith("all");
    boolean withX = how.endsWith("-with-x");
    Predicate<Map.Entry<String, ? extends @Nullable Object>> matches =
        wanted ->
            headers.containsKey(wanted.getKey())
                && (wanted.getValue() == null
                    || same(wanted.getValue(), headers.get(wanted.getKey())));
    List<? extends Map.Entry<String, ? extends @Nullable Object>> wanted =
        arguments.entrySet().stream()
            .filter(entry -> !entry.getKey().equals(HOW))
            .filter(entry -> withX || !entry.getKey().startsWith("x-"))
            .toList();
    return all ? wanted.stream().allMatch(matches) : wanted.stream().anyMatch(matches);
  }

  /** Integers of any width are equal by value, and so are texts of any class. */
  private static boolean same(Object wanted, @Nullable Object given) {
    return Objects.deepEquals(comparable(wanted), given == null ? null : comparable(given));
  }

  private static Object comparable(Object value) {
    if (value instanceof Long
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte) {
      return ((Number) value).longValue();
    }
    if (value instanceof Double || value instanceof Float) {
      return ((Number) value).doubleValue();
    }
    return value instanceof com.rabbitmq.client.LongString ? value.toString() : value;
  }
}
