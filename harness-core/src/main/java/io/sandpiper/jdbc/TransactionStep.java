package io.sandpiper.jdbc;

import org.jspecify.annotations.Nullable;

/**
 * A statement by which an application steers its transaction without ending it.
 *
 * @param kind what it does
 * @param subject the name of the savepoint as the server knows it, or the whole statement where it
 *     sets constraints
 */
record TransactionStep(Kind kind, String subject) {

  enum Kind {
    SAVEPOINT("SAVEPOINT"),
    RELEASE("RELEASE SAVEPOINT"),
    ROLLBACK_TO("ROLLBACK TO SAVEPOINT"),
    SET_CONSTRAINTS("SET CONSTRAINTS");

    private final String tag;

    Kind(String tag) {
      this.tag = tag;
    }

    /** What the server calls it. */
    String tag() {
      return tag;
    }
  }

  /**
   * The step that a statement is, or null.
   *
   * @param first its first word
   * @param following stands behind that word
   * @param text the whole statement
   */
  static @Nullable TransactionStep of(String first, SqlLexer following, String text) {
    return switch (first) {
      case "SAVEPOINT" -> named(Kind.SAVEPOINT, following.name());
      case "RELEASE" -> named(Kind.RELEASE, savepoint(following));
      case "ROLLBACK" -> goesBack(following) ? named(Kind.ROLLBACK_TO, savepoint(following)) : null;
      case "SET" ->
          "CONSTRAINTS".equals(following.next())
              ? new TransactionStep(Kind.SET_CONSTRAINTS, text.strip())
              : null;
      default -> null;
    };
  }

  /** Whether a statement that begins with ROLLBACK does not end the transaction; passes its TO. */
  static boolean goesBack(SqlLexer following) {
    String word = following.next();
    if ("WORK".equals(word) || "TRANSACTION".equals(word)) {
      word = following.next();
    }
    return "TO".equals(word);
  }

  private static @Nullable String savepoint(SqlLexer following) {
    String name = following.name();
    String second = "savepoint".equals(name) ? following.name() : null;
    return second == null ? name : second;
  }

  /** The server says itself what is wrong with one without a name. */
  private static @Nullable TransactionStep named(Kind kind, @Nullable String name) {
    return name == null ? null : new TransactionStep(kind, name);
  }

  boolean is(Kind other) {
    return kind == other;
  }

  /** Whether it names a savepoint that has to be there. */
  boolean uses() {
    return kind == Kind.RELEASE || kind == Kind.ROLLBACK_TO;
  }
}
