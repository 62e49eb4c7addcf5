package io.sandpiper.jdbc;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The texts that an application sends again and again, each read once. */
final class SqlTexts {

  private static final int KEPT = 1_000;

  /** Longer ones are mostly sent once. */
  private static final int LONGEST_KEPT = 10_000;

  private final Map<String, SqlText> known = new ConcurrentHashMap<>();

  SqlText get(String text) {
    SqlText found = known.get(text);
    return found != null ? found : read(text);
  }

  private SqlText read(String text) {
    SqlText read = SqlText.of(text);
    if (text.length() <= LONGEST_KEPT) {
      if (known.size() >= KEPT) {
        known.clear();
      }
      known.put(text, read);
    }
    return read;
  }
}
