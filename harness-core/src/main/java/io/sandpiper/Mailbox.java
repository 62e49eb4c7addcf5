package io.sandpiper;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The hops of one test, and which of them an assertion has consumed; guarded by the monitor. */
final class Mailbox {

  private final List<Hop> hops = new ArrayList<>();
  private final Set<Hop> consumed = new HashSet<>();

  void add(Hop hop) {
    hops.add(hop);
  }

  int size() {
    return hops.size();
  }

  /** The hops from a position on, in their order; a copy. */
  List<Hop> since(int position) {
    return List.copyOf(hops.subList(position, hops.size()));
  }

  void consume(Hop hop) {
    consumed.add(hop);
  }

  boolean consumed(Hop hop) {
    return consumed.contains(hop);
  }

  Set<Hop> consumed() {
    return Set.copyOf(consumed);
  }

  /** The hops of one direction, consumed or not. */
  List<Hop> going(Hop.Direction direction) {
    return hops.stream().filter(hop -> hop.direction() == direction).toList();
  }
}
