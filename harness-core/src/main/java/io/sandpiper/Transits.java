package io.sandpiper;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The messages of one test that are in transit; guarded by the monitor. */
final class Transits {

  /**
   * @param count how often the same one is on its way
   * @param since when the first of them left
   */
  private record Underway(int count, long since) {}

  private final Map<Transit, Underway> underway = new LinkedHashMap<>();

  void add(Transit transit) {
    Underway before = underway.get(transit);
    underway.put(
        transit,
        before == null
            ? new Underway(1, System.nanoTime())
            : new Underway(before.count() + 1, before.since()));
  }

  void remove(Transit transit) {
    underway.computeIfPresent(
        transit,
        (same, now) -> now.count() == 1 ? null : new Underway(now.count() - 1, now.since()));
  }

  /** Removes it however often it was added; returns whether it was there. */
  boolean removeAll(Transit transit) {
    return underway.remove(transit) != null;
  }

  boolean contains(Transit transit) {
    return underway.containsKey(transit);
  }

  boolean isEmpty() {
    return underway.isEmpty();
  }

  /** One line for each. */
  List<String> describe() {
    long now = System.nanoTime();
    return underway.entrySet().stream()
        .map(
            each ->
                "%s for %s"
                    .formatted(
                        each.getKey(),
                        Durations.text(Duration.ofNanos(now - each.getValue().since()))))
        .toList();
  }
}
