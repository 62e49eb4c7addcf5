package io.sandpiper.amqp;

import com.rabbitmq.client.LongString;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Values of AMQP headers: which are the same, and how to name one. */
final class ContractValues {

  private static final int LONGEST = 80;

  private ContractValues() {}

  /**
   * Whether two values mean the same. A number may have come back in fewer bytes: languages with
   * one type of number write it so.
   */
  static boolean same(@Nullable Object one, @Nullable Object other) {
    return comparable(one).equals(comparable(other));
  }

  private static Object comparable(@Nullable Object value) {
    if (value == null) {
      return Optional.empty();
    }
    if (value instanceof LongString text) {
      return text.toString();
    }
    if (value instanceof Number number) {
      return new BigDecimal(number.toString()).stripTrailingZeros();
    }
    if (value instanceof byte[] bytes) {
      return List.of("bytes", Arrays.toString(bytes));
    }
    if (value instanceof List<?> list) {
      return list.stream().map(ContractValues::comparable).toList();
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> values = new LinkedHashMap<>();
      map.forEach((name, inner) -> values.put(String.valueOf(name), comparable(inner)));
      return values;
    }
    return value;
  }

  /** A value in words; of one that looks like a test id, without the part that proves it. */
  static String describe(@Nullable Object value) {
    if (value == null) {
      return "nothing";
    }
    if (value instanceof LongString || value instanceof String) {
      return quoted(value.toString());
    }
    return "%s (%s)".formatted(kind(value), shortened(text(value)));
  }

  static String quoted(String text) {
    int mac = text.startsWith("sp1.") ? text.lastIndexOf('.') : -1;
    return "\"" + (mac > "sp1.".length() ? text.substring(0, mac) + ".…" : shortened(text)) + "\"";
  }

  private static String kind(Object value) {
    if (value instanceof Number) {
      return "a number";
    }
    if (value instanceof Boolean) {
      return "a boolean";
    }
    if (value instanceof Date) {
      return "a timestamp";
    }
    if (value instanceof byte[]) {
      return "bytes";
    }
    if (value instanceof List) {
      return "a list";
    }
    return value instanceof Map ? "a table" : value.getClass().getSimpleName();
  }

  private static String text(Object value) {
    if (value instanceof byte[] bytes) {
      return bytes.length + " of them";
    }
    return value instanceof Date date ? date.toInstant().toString() : value.toString();
  }

  private static String shortened(String text) {
    return text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text;
  }
}
