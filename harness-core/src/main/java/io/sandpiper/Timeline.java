package io.sandpiper;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The journal as it is read below a failure, one entry a line: of what happens again and again, as
 * a poll or a message that always fails, the first times and the last, and of very many lines the
 * first and the last.
 */
final class Timeline {

  static final String HEADING = "Timeline:\n";

  private static final int FIRST = 100;
  private static final int LAST = 400;
  private static final int FIRST_TIMES = 3;

  private Timeline() {}

  /** What happens, whenever it does. */
  private record Event(String who, String text) {

    static Event of(Journal.Entry entry) {
      return new Event(entry.who(), entry.text());
    }
  }

  /**
   * The text; each line ends with a line feed.
   *
   * @param forgotten how many earlier entries there were
   */
  static String of(long forgotten, List<Journal.Entry> entries) {
    StringBuilder text = new StringBuilder();
    if (forgotten > 0) {
      text.append("  … %d earlier entries\n".formatted(forgotten));
    }
    List<String> lines = lines(entries);
    int leftOut = Math.max(0, lines.size() - FIRST - LAST);
    for (int i = 0; i < lines.size(); i++) {
      if (leftOut > 0 && i == FIRST) {
        text.append("  … %d lines left out; Sandbox.journal() has all\n".formatted(leftOut));
        i += leftOut;
      }
      text.append("  ").append(lines.get(i)).append('\n');
    }
    return text.toString();
  }

  private static List<String> lines(List<Journal.Entry> entries) {
    Map<Event, Integer> times = new HashMap<>();
    entries.forEach(entry -> times.merge(Event.of(entry), 1, Integer::sum));
    Map<Event, Integer> seen = new HashMap<>();
    List<String> lines = new ArrayList<>();
    for (Journal.Entry entry : entries) {
      int time = seen.merge(Event.of(entry), 1, Integer::sum);
      int last = times.getOrDefault(Event.of(entry), 0);
      if (time == last && last > FIRST_TIMES + 1) {
        lines.add("%s  (the last of %d times)".formatted(entry, last));
      } else if (time <= FIRST_TIMES || time == last) {
        lines.add(entry.toString());
      }
    }
    return lines;
  }
}
