package io.sandpiper.jdbc;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What can be set about databases for tests.
 *
 * @param ahead how many are made before they are asked for
 * @param keepFailed whether that of a failed test stays
 * @param toldToOthers whether its name goes with what a test sends
 * @param sequencesApart whether each one's sequences go on in a range of its own
 */
record CloneSettings(int ahead, boolean keepFailed, boolean toldToOthers, boolean sequencesApart) {

  private static final String AHEAD = "sandpiper.database.clones";
  private static final String KEEP_FAILED = "sandpiper.keep-failed";
  private static final String PROPAGATE = "sandpiper.propagate-database";
  private static final String SEQUENCES = "sandpiper.database.sequences";
  private static final int USUALLY_AHEAD = 4;

  static CloneSettings of(Function<String, @Nullable String> settings) {
    return new CloneSettings(
        ahead(settings.apply(AHEAD)),
        Boolean.parseBoolean(settings.apply(KEEP_FAILED)),
        Boolean.parseBoolean(settings.apply(PROPAGATE)),
        sequencesApart(settings.apply(SEQUENCES)));
  }

  private static boolean sequencesApart(@Nullable String value) {
    if (value == null || value.isBlank() || value.strip().equals("apart")) {
      return true;
    }
    if (value.strip().equals("copied")) {
      return false;
    }
    throw new IllegalArgumentException(
        "%s is \"%s\". Set it to apart, or to copied.".formatted(SEQUENCES, value));
  }

  private static int ahead(@Nullable String value) {
    if (value == null || value.isBlank()) {
      return USUALLY_AHEAD;
    }
    try {
      int number = Integer.parseInt(value.strip());
      if (number >= 0) {
        return number;
      }
    } catch (NumberFormatException none) {
      // Said below.
    }
    throw new IllegalArgumentException(
        "%s is \"%s\". Set it to how many databases are made ahead: 0 or more."
            .formatted(AHEAD, value));
  }
}
