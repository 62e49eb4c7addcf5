package io.sandpiper;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The open work of one test; guarded by the monitor. */
final class Ledger {

  private final Set<Work> counted = new LinkedHashSet<>();
  private final Set<Hop> outstanding = new LinkedHashSet<>();
  private final List<Work> failed = new ArrayList<>();
  private final Transits inTransit = new Transits();
  private final List<ExpectedReplies> expected = new ArrayList<>();

  void begin(Work work) {
    counted.add(work);
  }

  /** Returns whether it was counted. */
  boolean end(Work work) {
    return counted.remove(work);
  }

  boolean isCounted(Work work) {
    return counted.contains(work);
  }

  void fail(Work work) {
    failed.add(work);
  }

  void sent(Hop hop) {
    outstanding.add(hop);
  }

  void answered(Hop hop) {
    outstanding.remove(hop);
  }

  /** Takes away what a received hop answers: the hop whose correlation or message id it echoes. */
  void answeredBy(@Nullable String correlationId) {
    if (correlationId != null) {
      outstanding.removeIf(
          hop ->
              Objects.equals(hop.correlationId(), correlationId)
                  || Objects.equals(hop.messageId(), correlationId));
    }
  }

  void inTransit(Transit transit) {
    inTransit.add(transit);
  }

  void notInTransit(Transit transit) {
    inTransit.remove(transit);
  }

  /** Returns whether it was counted. */
  boolean lost(Transit transit) {
    return inTransit.removeAll(transit);
  }

  boolean isInTransit(Transit transit) {
    return inTransit.contains(transit);
  }

  List<String> describeInTransit() {
    return inTransit.describe();
  }

  void expect(ExpectedReplies replies) {
    expected.add(replies);
  }

  List<String> missingReplies(Mailbox mailbox) {
    return expected.stream()
        .map(replies -> replies.missing(mailbox))
        .filter(Objects::nonNull)
        .toList();
  }

  boolean idle() {
    return counted.isEmpty() && inTransit.isEmpty();
  }

  /**
   * Whether nothing is open but what is planned for later than a time of {@link System#nanoTime()}.
   */
  boolean idleUntil(long time) {
    return inTransit.isEmpty() && counted.stream().allMatch(work -> work.isDueAfter(time));
  }

  /** What is planned for later than a time. */
  List<Work> plannedAfter(long time) {
    return counted.stream().filter(work -> work.isDueAfter(time)).toList();
  }

  /**
   * Whether something is in progress, or will be before a time, that does not wait for a task to
   * return.
   */
  boolean isBusyBeside(Work task, long until) {
    Set<Work> others = new HashSet<>(counted);
    for (Work each = task; each != null; each = each.submitter()) {
      others.remove(each);
    }
    others.removeIf(work -> work.isDueAfter(until));
    return !others.isEmpty() || !inTransit.isEmpty();
  }

  /**
   * Whether nothing can come before a time but by what the caller does.
   *
   * @param caller the work that asks, or null
   */
  boolean nothingExpected(@Nullable Work caller, long until) {
    return (caller == null ? idleUntil(until) : !isBusyBeside(caller, until))
        && outstanding.isEmpty();
  }

  List<Work> counted() {
    return List.copyOf(counted);
  }

  List<Hop> outstanding() {
    return List.copyOf(outstanding);
  }

  List<Work> failed() {
    return List.copyOf(failed);
  }

  /** The failure was shown to the test, so the end of the test need not. */
  void shown(Work work) {
    failed.remove(work);
  }
}
