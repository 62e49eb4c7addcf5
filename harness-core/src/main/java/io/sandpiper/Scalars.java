package io.sandpiper;

import java.io.File;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URL;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Currency;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/** Values that have no parts: numbers, texts and what the JDK has that is written as text. */
final class Scalars {

  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private static final List<Class<?>> TEXTS =
      List.of(
          BitSet.class,
          Charset.class,
          Currency.class,
          Date.class,
          File.class,
          InetAddress.class,
          InetSocketAddress.class,
          Locale.class,
          OptionalDouble.class,
          OptionalInt.class,
          OptionalLong.class,
          Path.class,
          Pattern.class,
          StringBuffer.class,
          StringBuilder.class,
          URI.class,
          URL.class,
          UUID.class);

  private Scalars() {}

  /** The number or boolean that it is, or null. */
  static @Nullable JsonNode number(Object value) {
    if (value instanceof Boolean bool) {
      return NODES.booleanNode(bool);
    }
    if (value instanceof AtomicBoolean bool) {
      return NODES.booleanNode(bool.get());
    }
    return ValueTypes.isOfJdk(value.getClass()) && value instanceof Number number
        ? number(number)
        : null;
  }

  private static @Nullable JsonNode number(Number number) {
    if (number instanceof BigDecimal exact) {
      return NODES.numberNode(exact);
    }
    if (number instanceof BigInteger whole) {
      return NODES.numberNode(whole);
    }
    if (number instanceof Float) {
      return NODES.numberNode(number.floatValue());
    }
    boolean whole =
        number instanceof Long
            || number instanceof Integer
            || number instanceof Short
            || number instanceof Byte
            || number instanceof AtomicInteger
            || number instanceof AtomicLong
            || number instanceof LongAdder;
    return whole ? NODES.numberNode(number.longValue()) : NODES.numberNode(number.doubleValue());
  }

  /** The text that it is, or null. */
  static @Nullable String text(Object value) {
    if (value instanceof String string) {
      return string;
    }
    if (value instanceof Enum<?> constant) {
      return constant.name();
    }
    if (value instanceof Character || value instanceof Throwable) {
      return value.toString();
    }
    if (value instanceof Class<?> type) {
      return type.getName();
    }
    if (value.getClass() == Date.class) {
      return ((Date) value).toInstant().toString();
    }
    return isWrittenAsText(value) ? value.toString() : null;
  }

  private static boolean isWrittenAsText(Object value) {
    return ValueTypes.isOfJdk(value.getClass())
        && (value.getClass().getPackageName().startsWith("java.time")
            || TEXTS.stream().anyMatch(type -> type.isInstance(value)));
  }
}
