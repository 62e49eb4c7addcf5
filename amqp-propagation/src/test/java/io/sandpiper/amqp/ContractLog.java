package io.sandpiper.amqp;

import io.sandpiper.Work;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.jdbc.core.simple.JdbcClient;

/**
 * What the listeners of the contract suites have handled, in which sandbox.
 *
 * <p>A text is {@code <what>|<test id>|<number>}: {@code ok} is handled, {@code fail2} fails twice
 * before, {@code failures} always.
 */
final class ContractLog {

  private final JdbcClient jdbc;
  private final ConcurrentMap<String, AtomicInteger> attempts = new ConcurrentHashMap<>();
  private final Queue<String> crossings = new ConcurrentLinkedQueue<>();

  ContractLog(JdbcClient jdbc) {
    this.jdbc = jdbc;
    jdbc.sql("CREATE TABLE IF NOT EXISTS contract (id serial PRIMARY KEY, place text, body text)")
        .update();
  }

  /** Handles a text at a place: in a row of the sandbox that the thread works for. */
  void handle(String place, String text) {
    int attempt = count(place, text).incrementAndGet();
    inScope(place, text);
    jdbc.sql("INSERT INTO contract (place, body) VALUES (?, ?)").params(place, text).update();
    String what = text.substring(0, text.indexOf('|'));
    if (what.equals("failures")
        || what.matches("fail\\d") && attempt <= Character.getNumericValue(what.charAt(4))) {
      throw new IllegalStateException("asked to fail: attempt " + attempt + " of " + text);
    }
  }

  /** Notes where a thread works for another test than the one that a text is of. */
  void inScope(String place, String text) {
    Work work = Work.current();
    String id = text.split("\\|")[1];
    if (work == null ? id.startsWith("sp1.") : !work.sandbox().id().value().equals(id)) {
      crossings.add("%s: %s in %s".formatted(place, text, work));
    }
  }

  int attempts(String place, String text) {
    return count(place, text).get();
  }

  private AtomicInteger count(String place, String text) {
    return attempts.computeIfAbsent(place + " " + text, any -> new AtomicInteger());
  }

  List<String> crossings() {
    return new ArrayList<>(crossings);
  }

  /** The rows that the current sandbox sees of a place. */
  List<String> rows(String place) {
    return jdbc
        .sql("SELECT body FROM contract WHERE place = ? ORDER BY id")
        .param(place)
        .query(String.class)
        .list()
        .stream()
        .map(String::valueOf)
        .toList();
  }

  /** All rows that the current sandbox sees, in words. */
  List<String> allRows() {
    return jdbc
        .sql("SELECT place || ': ' || body FROM contract ORDER BY id")
        .query(String.class)
        .list()
        .stream()
        .map(String::valueOf)
        .toList();
  }
}
