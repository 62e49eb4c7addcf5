package io.sandpiper.jdbc;

import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What has to be known of SQL text before it is sent. */
final class Sql {

  private static final Set<String> TRANSACTION_CONTROL =
      Set.of("COMMIT", "END", "ROLLBACK", "ABORT", "BEGIN", "START", "PREPARE");
  private static final int SHOWN = 60;

  private Sql() {}

  /**
   * The transaction-control statement in a text, or null where there is none. {@code ROLLBACK TO}
   * and SQL {@code PREPARE} of a statement are none.
   */
  static @Nullable String transactionControl(String sql) {
    SqlLexer words = new SqlLexer(sql);
    boolean first = true;
    for (String word = words.next(); word != null; word = words.next()) {
      if (first && TRANSACTION_CONTROL.contains(word)) {
        String following = words.next();
        String control = endsTransaction(word, following == null ? ";" : following);
        if (control != null) {
          return control;
        }
        word = following == null ? ";" : following;
      }
      first = word.equals(";");
    }
    return null;
  }

  private static @Nullable String endsTransaction(String word, String following) {
    return switch (word) {
      case "ROLLBACK" -> following.equals("TO") ? null : word;
      case "PREPARE", "START" -> following.equals("TRANSACTION") ? word + " TRANSACTION" : null;
      default -> word;
    };
  }

  /**
   * Whether pgjdbc surely puts its savepoint before this text. It does not before statements that
   * manage savepoints or the transaction itself, and not where nothing is sent.
   */
  static boolean takesAutosave(String sql) {
    String start = sql.stripLeading();
    if (start.isEmpty() || !(Character.isLetter(start.charAt(0)) || start.charAt(0) == '(')) {
      return false;
    }
    String word = start.split("[^A-Za-z]", 2)[0].toUpperCase(Locale.ROOT);
    return !Set.of("COMMIT", "SET", "SAVEPOINT", "RELEASE", "ROLLBACK").contains(word);
  }

  /** A text short enough for a journal: its beginning, on one line. */
  static String brief(String sql) {
    String line = sql.strip().replaceAll("\\s+", " ");
    return line.length() <= SHOWN ? line : line.substring(0, SHOWN).strip() + " …";
  }
}
