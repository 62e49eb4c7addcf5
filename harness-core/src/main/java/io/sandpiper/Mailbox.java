package io.sandpiper;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The hops of one test, and which of them an assertion has consumed; guarded by the monitor. */
final class Mailbox {

  private final List<Hop> hops = new ArrayList<>();
  private final Set<Hop> consumed = new HashSet<>();

  void add(Hop hop) {
    hops.add(hop);
  }

  int nextNumber() {
    return hops.size() + 1;
  }

  /** The first hop that matches and was not consumed, or null. */
  @Nullable Hop find(Expectation expectation) {
    for (Hop hop : hops) {
      if (!consumed.contains(hop) && expectation.matches(hop)) {
        return hop;
      }
    }
    return null;
  }

  void consume(Hop hop) {
    consumed.add(hop);
  }

  boolean consumed(Hop hop) {
    return consumed.contains(hop);
  }

  /** The hops of one direction, consumed or not. */
  List<Hop> going(Hop.Direction direction) {
    return hops.stream().filter(hop -> hop.direction() == direction).toList();
  }
}
