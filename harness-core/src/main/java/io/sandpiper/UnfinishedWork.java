package io.sandpiper;

import java.time.Duration;
import java.util.List;

/**
 * What is still in progress of a test whose end has waited long enough: it is named, its tasks are
 * made to end, and those that do not are named again.
 */
final class UnfinishedWork {

  private static final Duration GRACE = Duration.ofMillis(500);

  private final Sandbox sandbox;
  private final StringBuilder text = new StringBuilder();

  UnfinishedWork(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /**
   * Ends what can be ended; blocks for a short grace.
   *
   * @param waited how long the end has waited already
   * @return what is to be told of it
   */
  String end(Duration waited) {
    text.append(
        "%s ended, and after %s of waiting its own background work was still open:%n"
            .formatted(sandbox.testName(), Durations.text(waited)));
    if (!sandbox.changesNothing()) {
      // Otherwise one whose run is told to stop would begin the next.
      Periodic.cancelAll(sandbox);
    }
    List<Work> open = counted();
    open.forEach(this::append);
    sandbox.read(() -> sandbox.ledger().describeInTransit()).forEach(this::append);
    sandbox.missingReplies().forEach(this::append);
    if (!sandbox.changesNothing()) {
      stop(open);
    }
    if (sandbox.isolation() != Isolation.NONE && counted().stream().anyMatch(Work::isRefused)) {
      text.append("What is left of it is fenced off from the database now. ");
    }
    text.append("Await it in the test, or end it.\n");
    String timeline = sandbox.journal().toString();
    return timeline.isEmpty()
        ? text.toString()
        : text.append(Timeline.HEADING).append(timeline).toString();
  }

  private void append(String line) {
    text.append("  ").append(line).append('\n');
  }

  private void append(Work work) {
    append(work.describe());
    work.threads().forEach(thread -> text.append(Stacks.text(thread)));
  }

  private List<Work> counted() {
    return sandbox.read(() -> sandbox.ledger().counted());
  }

  private void stop(List<Work> open) {
    List<Work> told = open.stream().filter(Work::stop).toList();
    if (told.isEmpty()) {
      return;
    }
    if (endedInTime(told)) {
      text.append("What runs of it was told to stop, and has.\n");
      // A process that has ended may have left others behind.
      told.forEach(Work::kill);
      return;
    }
    text.append(
        "What runs of it was told to stop, and %s later this had not:\n"
            .formatted(Durations.text(GRACE)));
    List<Work> still = counted();
    told.stream().filter(still::contains).forEach(this::append);
    told.forEach(Work::kill);
  }

  /** Whether all have ended before the grace is over. */
  private boolean endedInTime(List<Work> told) {
    long deadline = System.nanoTime() + GRACE.toNanos();
    boolean interrupted = false;
    try {
      while (true) {
        try {
          Duration left = Duration.ofNanos(deadline - System.nanoTime());
          return sandbox.monitor().await(left, () -> ended(told) ? Boolean.TRUE : null) != null;
        } catch (InterruptedException again) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private boolean ended(List<Work> told) {
    return told.stream().allMatch(Work::finished);
  }
}
