package io.sandpiper;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The journal as it is read below a failure, one entry a line: what repeats itself is there once,
 * and of very many entries only the first and the last.
 */
final class Timeline {

  private static final int FIRST = 100;
  private static final int LAST = 400;

  /** A poll is one entry, a message that fails again and again a few. */
  private static final int LONGEST_REPEATED = 8;

  /** Two alike may be two events that a reader looks for. */
  private static final int LEAST_REPEATS = 3;

  private final List<Journal.Entry> entries;
  private final Lines lines = new Lines();

  private Timeline(List<Journal.Entry> entries) {
    this.entries = entries;
  }

  /**
   * The text; each line ends with a line feed.
   *
   * @param forgotten how many earlier entries there were
   */
  static String of(long forgotten, List<Journal.Entry> entries) {
    Timeline timeline = new Timeline(entries);
    timeline.fold();
    return (forgotten == 0 ? "" : "  … %d earlier entries\n".formatted(forgotten)) + timeline.lines;
  }

  private void fold() {
    int at = 0;
    while (at < entries.size()) {
      Repeated repeated = repeatedAt(at);
      for (Journal.Entry entry : entries.subList(at, at + repeated.length())) {
        lines.add(entry.toString());
      }
      at += repeated.length() * repeated.times();
      if (repeated.times() > 1) {
        lines.add(repeated.andUntil(entries.get(at - 1)));
      }
    }
  }

  /**
   * Entries that follow each other several times.
   *
   * @param length how many there are
   */
  private record Repeated(int length, int times) {

    int covered() {
      return length * times;
    }

    String andUntil(Journal.Entry last) {
      return "… %s %d times more, until %s"
          .formatted(
              length == 1 ? "the same" : "the same %d".formatted(length),
              times - 1,
              Durations.offset(last.at()));
    }
  }

  private Repeated repeatedAt(int start) {
    Repeated best = new Repeated(1, 1);
    for (int length = 1; length <= LONGEST_REPEATED; length++) {
      int times = times(start, length);
      if (times >= LEAST_REPEATS && length * times > best.covered()) {
        best = new Repeated(length, times);
      }
    }
    return best;
  }

  private int times(int start, int length) {
    int end = start + length;
    while (end < entries.size() && alike(entries.get(end), entries.get(end - length))) {
      end++;
    }
    return (end - start) / length;
  }

  private static boolean alike(Journal.Entry one, Journal.Entry other) {
    return one.who().equals(other.who()) && one.text().equals(other.text());
  }

  /** The first and the last lines. */
  private static final class Lines {

    private final StringBuilder first = new StringBuilder();
    private final Deque<String> last = new ArrayDeque<>();
    private int count;
    private int leftOut;

    void add(String line) {
      count++;
      if (count <= FIRST) {
        first.append("  ").append(line).append('\n');
        return;
      }
      if (last.size() == LAST) {
        last.removeFirst();
        leftOut++;
      }
      last.addLast(line);
    }

    @Override
    public String toString() {
      StringBuilder text = new StringBuilder(first);
      if (leftOut > 0) {
        text.append(
            "  … %d lines left out; Sandbox.journal() has all entries\n".formatted(leftOut));
      }
      last.forEach(line -> text.append("  ").append(line).append('\n'));
      return text.toString();
    }
  }
}
