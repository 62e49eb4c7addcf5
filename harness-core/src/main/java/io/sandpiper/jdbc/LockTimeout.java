package io.sandpiper.jdbc;

import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How long a statement of a sandbox waits for a lock, as the setting writes it. */
final class LockTimeout {

  private static final String PROPERTY = "sandpiper.lock-timeout";

  private static final Duration DEFAULT = Duration.ofSeconds(10);

  /** The server keeps milliseconds in an int. */
  private static final Duration LONGEST = Duration.ofMillis(Integer.MAX_VALUE);

  private static final Pattern SIMPLE = Pattern.compile("(\\d{1,9})(ms|s|m)?");

  private LockTimeout() {}

  /** The value of the setting, or 10 s where it is not set. */
  static Duration of(Function<String, @Nullable String> settings) {
    return parse(settings.apply(PROPERTY));
  }

  /**
   * Reads a duration: {@code 500ms}, {@code 5s}, {@code 1m}, {@code 0} or {@code PT5S}; a number
   * alone is milliseconds, as in Spring.
   *
   * @param value the text, or null for the default
   */
  static Duration parse(@Nullable String value) {
    if (value == null) {
      return DEFAULT;
    }
    Duration read = read(value.strip().toLowerCase(Locale.ROOT));
    if (read == null || read.isNegative() || read.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          "%s is '%s'. Set it to a duration such as 500ms, 5s or 1m, or to 0 to wait without end."
              .formatted(PROPERTY, value));
    }
    return read;
  }

  private static @Nullable Duration read(String value) {
    Matcher simple = SIMPLE.matcher(value);
    if (simple.matches()) {
      long number = Long.parseLong(simple.group(1));
      String unit = simple.group(2);
      return unit == null || unit.equals("ms")
          ? Duration.ofMillis(number)
          : unit.equals("s") ? Duration.ofSeconds(number) : Duration.ofMinutes(number);
    }
    try {
      return Duration.parse(value);
    } catch (DateTimeParseException other) {
      return null;
    }
  }
}
