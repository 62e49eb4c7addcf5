package io.sandpiper.jdbc;

import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What becomes of database access by work that belongs to no test. */
public enum Unowned {
  /** It is refused at its first statement, with the remedies. */
  REFUSE,
  /** It reaches the real database and commits there. */
  PASS_THROUGH,
  /**
   * It uses the one sandbox with a database of its own (isolation TRANSACTION or DATABASE) that is
   * open in this run at the first statement of a connection, and stays in it until that connection
   * is closed. With none or several open it is refused as by {@link #REFUSE}. It is not counted: no
   * test waits for it at its end.
   */
  SHARED;

  private static final String SETTING = "sandpiper.unowned";

  /**
   * What {@code sandpiper.unowned} says; {@link #REFUSE} where it is not set.
   *
   * @param settings looks a setting up; null where it is not set
   * @throws IllegalArgumentException where it says something else
   */
  public static Unowned of(Function<String, @Nullable String> settings) {
    String value = settings.apply(SETTING);
    try {
      return value == null ? REFUSE : valueOf(value.toUpperCase(Locale.ROOT).replace('-', '_'));
    } catch (IllegalArgumentException unknown) {
      throw new IllegalArgumentException(
          "%s is '%s'. Set it to refuse, pass-through or shared.".formatted(SETTING, value),
          unknown);
    }
  }
}
