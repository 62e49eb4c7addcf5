package io.sandpiper;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What came in and went into no sandbox: counts, and the last few in words for failure messages.
 */
final class TurnedAway {

  private static final int KEPT = 64;

  private record Item(String address, long at, String text) {}

  private final Map<Refusal.Reason, Long> counts = new EnumMap<>(Refusal.Reason.class);
  private final Deque<Item> last = new ArrayDeque<>();

  synchronized void refused(String address, Refusal refusal) {
    counts.merge(refusal.reason(), 1L, Long::sum);
    note(address, refusal.message());
  }

  synchronized void unknown(String address) {
    note(
        address,
        "It carried no test id and no correlation id of an open test. Let the sender copy %s, or"
                .formatted(Propagation.HEADER)
            + " echo the correlation id.");
  }

  synchronized void note(String address, String text) {
    if (last.size() == KEPT) {
      last.removeFirst();
    }
    last.addLast(new Item(address, System.nanoTime(), text));
  }

  synchronized long count(Refusal.Reason reason) {
    return counts.getOrDefault(reason, 0L);
  }

  /** What happened at an address since a moment, each thing once. */
  synchronized List<String> at(String address, long since) {
    Set<String> texts = new LinkedHashSet<>();
    for (Item item : last) {
      if (item.address().equals(address) && item.at() - since >= 0) {
        texts.add(item.text());
      }
    }
    return List.copyOf(texts);
  }
}
