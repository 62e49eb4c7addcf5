package io.sandpiper.jdbc;

import java.util.List;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One line of what the server says of a deadlock: who waits for whom.
 *
 * @param waiter its process
 * @param blocker the process in its way
 * @param kind what the wait is for
 * @param lock the words of the server for the lock
 * @param relation the number of the relation, or null
 * @param ctid where in the relation the row is, or null
 */
record DeadlockEdge(
    int waiter,
    int blocker,
    Kind kind,
    String lock,
    @Nullable String relation,
    @Nullable String ctid) {

  /** What a wait is for. */
  enum Kind {
    /** The end of a transaction, which has a row or key. */
    TRANSACTION,
    /** A turn at a row. */
    TUPLE,
    /** A relation, an advisory lock, or what the server says in another language. */
    OTHER
  }

  private static final Pattern LINE =
      Pattern.compile("(\\d+)\\D.*? on (.*); .*?(\\d+)\\.?", Pattern.CASE_INSENSITIVE);

  private static final Pattern ANY_LANGUAGE = Pattern.compile("\\d+");

  private static final Pattern RELATION =
      Pattern.compile("(?:tuple (\\(\\d+,\\d+\\)) of )?relation (\\d+) of database \\d+");

  /** Reads the detail of an error; what is no such line is left out. */
  static List<DeadlockEdge> of(@Nullable String detail) {
    return (detail == null ? "" : detail)
        .lines()
        .map(DeadlockEdge::read)
        .filter(Objects::nonNull)
        .toList();
  }

  private static @Nullable DeadlockEdge read(String line) {
    Matcher english = LINE.matcher(line);
    if (english.find()) {
      String lock = english.group(2);
      Matcher relation = RELATION.matcher(lock);
      boolean onRelation = relation.matches();
      String ctid = onRelation ? relation.group(1) : null;
      return new DeadlockEdge(
          Integer.parseInt(english.group(1)),
          Integer.parseInt(english.group(3)),
          ctid != null
              ? Kind.TUPLE
              : lock.startsWith("transaction") ? Kind.TRANSACTION : Kind.OTHER,
          lock,
          onRelation ? relation.group(2) : null,
          ctid);
    }
    List<String> numbers = ANY_LANGUAGE.matcher(line).results().map(MatchResult::group).toList();
    return numbers.size() < 2
        ? null
        : new DeadlockEdge(
            Integer.parseInt(numbers.get(0)),
            Integer.parseInt(numbers.get(numbers.size() - 1)),
            Kind.OTHER,
            "a lock",
            null,
            null);
  }

  /** The number of the transaction whose end is waited for, or null. */
  @Nullable String transaction() {
    return kind == Kind.TRANSACTION ? lock.substring(lock.lastIndexOf(' ') + 1) : null;
  }

  /** Who has the lock of a tuple is only first in the queue for its row. */
  String how() {
    return switch (kind) {
      case TRANSACTION -> "held by";
      case TUPLE -> "queued behind";
      case OTHER -> "kept waiting by";
    };
  }
}
