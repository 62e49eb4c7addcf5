package io.sandpiper;

import java.time.Duration;
import java.util.Locale;

/** Durations as the texts of this harness write them. */
final class Durations {

  private Durations() {}

  /** As {@link #text}, where nobody asks for seconds of minutes: "59 min", "36 h". */
  static String rough(Duration duration) {
    if (duration.toMinutes() < 2) {
      return text(duration);
    }
    return duration.toHours() < 2 ? duration.toMinutes() + " min" : duration.toHours() + " h";
  }

  /** "14 ms", "2 s", "1.98 s". */
  static String text(Duration duration) {
    long millis = duration.toMillis();
    if (millis < 1000) {
      return millis + " ms";
    }
    return millis % 1000 == 0
        ? millis / 1000 + " s"
        : String.format(Locale.ROOT, "%.2f s", millis / 1000.0);
  }

  /** "+0.131s", the offset of an event from the start of its test. */
  static String offset(Duration sinceStart) {
    return String.format(Locale.ROOT, "+%.3fs", sinceStart.toNanos() / 1e9);
  }
}
