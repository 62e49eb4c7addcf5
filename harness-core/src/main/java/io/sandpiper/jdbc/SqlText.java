package io.sandpiper.jdbc;

import io.sandpiper.jdbc.TransactionStep.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** A text of SQL with what has to be known of it before it is sent; immutable. */
final class SqlText {

  /** What a text may do that outlives its statement or its savepoint. */
  enum Trait {
    /** May take an advisory lock of the session. */
    ADVISORY_LOCK,
    /** May leave a prepared statement of SQL's own kind in the session. */
    PREPARES,
    /** Defines something that the driver keeps the type of. */
    DEFINES_TYPES,
    /** May change which constraints there are. */
    DDL,
    /** Sets the mode of constraints. */
    SETS_CONSTRAINTS,
    /** Sets the mode of the transaction, which lasts until its savepoint is released. */
    SETS_TRANSACTION,
    /** May change the setting by which an escape is noticed. */
    SETS_APPLICATION_NAME,
    /** Has words of transaction control in it that were taken for something else. */
    LOOKS_LIKE_CONTROL,
    /** May change how long a lock is waited for. */
    SETS_LOCK_TIMEOUT
  }

  private static final Set<String> TRANSACTION_CONTROL =
      Set.of("COMMIT", "END", "ROLLBACK", "ABORT", "BEGIN", "START", "PREPARE");

  private static final Set<String> NO_AUTOSAVE =
      Set.of("", "COMMIT", "SET", "SAVEPOINT", "RELEASE", "ROLLBACK");

  private static final String DEFINITION = "\\b(?:create|alter|drop)\\b";

  private static final Map<Trait, Pattern> SIGNS =
      Map.of(
          Trait.ADVISORY_LOCK, sign("advisory"),
          Trait.PREPARES, sign("\\bprepare\\b"),
          Trait.DEFINES_TYPES,
              sign(DEFINITION + ".*\\b(?:type|domain|table|view|extension|schema)\\b"),
          Trait.DDL, sign(DEFINITION),
          Trait.SETS_CONSTRAINTS, sign("\\bconstraints\\b"),
          Trait.SETS_TRANSACTION, sign("\\bset\\s+transaction\\b|\\btransaction_read_only\\b"),
          Trait.SETS_APPLICATION_NAME, sign("\\bapplication_name\\b"),
          Trait.SETS_LOCK_TIMEOUT, sign("\\block_timeout\\b"),
          Trait.LOOKS_LIKE_CONTROL,
              sign("['\"$/-].*\\b(?:commit|end|rollback|abort|begin|start|prepare)\\b"));

  private static final Pattern HOLDS = sign("\\bwith\\s+hold\\b");

  private static final int SHOWN = 60;

  private final String text;
  private final String firstWord;
  private final @Nullable String refusal;
  private final Set<Trait> traits;
  private final List<TransactionStep> steps = new ArrayList<>();
  private boolean several;
  private @Nullable String brief;

  private SqlText(String text) {
    this.text = text;
    SqlLexer words = new SqlLexer(text);
    String first = words.next();
    this.firstWord = first == null ? "" : first;
    this.refusal = readStatements(words, first);
    this.traits = traits(text);
  }

  private static Pattern sign(String regex) {
    return Pattern.compile(regex, Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
  }

  static SqlText of(String text) {
    return new SqlText(text);
  }

  /** Why the text must not be sent in a TRANSACTION sandbox, or null where it may. */
  @Nullable String refusal() {
    return refusal;
  }

  boolean has(Trait trait) {
    return traits.contains(trait);
  }

  /** Whether the text leaves nothing behind that somebody has to know of. */
  boolean plain() {
    return traits.isEmpty() && steps.isEmpty();
  }

  /**
   * Whether pgjdbc surely puts its savepoint before this text. It does not before statements that
   * manage savepoints or the transaction itself, and not where nothing is sent.
   */
  boolean takesAutosave() {
    return !NO_AUTOSAVE.contains(firstWord);
  }

  /** Whether there is more than one statement in the text. */
  boolean isSeveral() {
    return several;
  }

  /**
   * What the server calls a statement of the text that it refuses outside a transaction block, or
   * null where there is none.
   */
  @Nullable String needsTransaction() {
    return switch (firstWord) {
      case "LOCK" -> "LOCK TABLE";
      case "DECLARE" -> HOLDS.matcher(text).find() ? null : "DECLARE CURSOR";
      default -> usesSavepoint();
    };
  }

  /** As {@link #needsTransaction()}, behind other statements, which are a block for the rest. */
  @Nullable String usesSavepoint() {
    return steps.stream()
        .map(TransactionStep::kind)
        .filter(kind -> kind != Kind.SET_CONSTRAINTS)
        .findFirst()
        .map(Kind::tag)
        .orElse(null);
  }

  /** The statements by which the application steers its transaction, in order. */
  List<TransactionStep> steps() {
    return steps;
  }

  /** Whether the text goes back to a savepoint of the application. */
  boolean rollsBackInPart() {
    return steps.stream().anyMatch(step -> step.is(Kind.ROLLBACK_TO));
  }

  /** The text as it is sent. */
  String text() {
    return text;
  }

  /** A text short enough for a journal: its beginning, on one line. */
  @Override
  public String toString() {
    String known = brief;
    if (known == null) {
      String line = text.strip().replaceAll("\\s+", " ");
      known = line.length() <= SHOWN ? line : line.substring(0, SHOWN).strip() + " …";
      brief = known;
    }
    return known;
  }

  private @Nullable String readStatements(SqlLexer words, @Nullable String first) {
    String word = first;
    while (word != null) {
      SqlLexer following = words.ahead();
      int start = words.start();
      String statement = word;
      String second = words.next();
      String refusal = refusal(word, second == null ? ";" : second, following.ahead());
      if (refusal != null) {
        return refusal;
      }
      word = second;
      if (word != null && !";".equals(word)) {
        word = passStatement(words, word);
      }
      TransactionStep step =
          TransactionStep.of(statement, following, text.substring(start, words.start()));
      if (step != null) {
        steps.add(step);
      }
      while (";".equals(word)) {
        word = words.next();
      }
      several |= word != null;
    }
    return null;
  }

  /** Goes to the end of a statement; the body of an SQL function has statements of its own. */
  private static @Nullable String passStatement(SqlLexer words, String from) {
    Deque<String> open = new ArrayDeque<>();
    String before = from;
    String word = words.next();
    while (word != null && !(word.equals(";") && open.isEmpty())) {
      if (word.equals("ATOMIC") && before.equals("BEGIN")) {
        open.push(before);
      } else if (word.equals("CASE") && !open.isEmpty()) {
        open.push(word);
      } else if (word.equals("END") && !open.isEmpty()) {
        open.pop();
      }
      before = word;
      word = words.next();
    }
    return word;
  }

  private static @Nullable String refusal(String first, String second, SqlLexer following) {
    if (TRANSACTION_CONTROL.contains(first)) {
      String control = control(first, second, following);
      return control == null
          ? null
          : control
              + " as SQL text is not supported in a TRANSACTION sandbox, whose one transaction it"
              + " would end: use the connection's commit() and rollback(), or Spring's"
              + " transactions";
    }
    if (first.equals("LISTEN")) {
      return "LISTEN is not supported in a TRANSACTION sandbox, which never commits: PostgreSQL"
          + " delivers notifications at commit";
    }
    if (first.equals("DISCARD") || (first.equals("RESET") && second.equals("ALL"))) {
      return first
          + " "
          + second
          + " is not supported in a TRANSACTION sandbox: it would undo the settings of the sandbox"
          + " itself";
    }
    return null;
  }

  private static @Nullable String control(String word, String second, SqlLexer following) {
    return switch (word) {
      case "ROLLBACK" -> TransactionStep.goesBack(following) ? null : word;
      case "PREPARE", "START" -> second.equals("TRANSACTION") ? word + " TRANSACTION" : null;
      default -> word;
    };
  }

  /** Looks at the whole text, literals and function bodies too: rather once too often. */
  private static Set<Trait> traits(String text) {
    Set<Trait> found = EnumSet.noneOf(Trait.class);
    SIGNS.forEach(
        (trait, sign) -> {
          if (sign.matcher(text).find()) {
            found.add(trait);
          }
        });
    return found;
  }
}
