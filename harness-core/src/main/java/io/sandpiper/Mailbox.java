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

  /** The next delivery of the same message to the same queue that is not consumed, or null. */
  @Nullable Hop nextAttempt(Hop hop) {
    if (hop.messageId() == null || hop.direction() != Hop.Direction.RECEIVED) {
      return null;
    }
    // A hop's number is that of its place.
    return hops.subList(hop.number(), hops.size()).stream()
        .filter(later -> later.direction() == Hop.Direction.RECEIVED)
        .filter(later -> later.address().equals(hop.address()))
        .filter(later -> !consumed(later))
        .filter(later -> hop.messageId().equals(later.messageId()))
        .findFirst()
        .orElse(null);
  }

  Set<Hop> consumed() {
    return Set.copyOf(consumed);
  }

  boolean hasCallOf(String address) {
    return hops.stream()
        .anyMatch(hop -> hop.direction() == Hop.Direction.CALLED && hop.address().equals(address));
  }

  /** The hops of one direction, consumed or not. */
  List<Hop> going(Hop.Direction direction) {
    return hops.stream().filter(hop -> hop.direction() == direction).toList();
  }
}
