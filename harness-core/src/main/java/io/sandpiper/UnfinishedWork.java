package io.sandpiper;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is still in progress of a test whose end has waited long enough: it is named, its tasks are
 * made to end, and those that do not are named again.
 */
final class UnfinishedWork {

  private static final String LOOP =
      "    It waits in a queue and was not interrupted, because other tests may put something there;"
          + " but it works for this test only, and is refused from now on. If it serves all tests,"
          + " start it in @BeforeAll, Sandbox.outside(…) or a class initializer, and give it tasks"
          + " that are wrapped: queue.add(Sandbox.wrap(…)). If it is this test's, end it.\n";

  private final Sandbox sandbox;
  private final StringBuilder text = new StringBuilder();

  UnfinishedWork(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /**
   * Ends what can be ended; blocks for a short grace.
   *
   * @param waited how long the end has waited already
   * @return what is to be told of it; null where the last of it has just ended
   */
  @Nullable String end(Duration waited) {
    if (!sandbox.changesNothing()) {
      // Otherwise one whose run is told to stop would begin the next.
      Periodic.cancelAll(sandbox);
    }
    List<Work> open = counted();
    List<String> inTransit = sandbox.read(() -> sandbox.ledger().describeInTransit());
    List<String> missing = sandbox.missingReplies();
    if (open.isEmpty() && inTransit.isEmpty() && missing.isEmpty()) {
      return null;
    }
    text.append(
        "%s ended, and after %s of waiting its own background work was still open:%n"
            .formatted(sandbox.testName(), Durations.text(waited)));
    open.forEach(this::append);
    inTransit.forEach(this::append);
    missing.forEach(this::append);
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
    if (work.waitsForAnybody()) {
      text.append(LOOP);
    }
  }

  private List<Work> counted() {
    return sandbox.read(() -> sandbox.ledger().counted());
  }

  private void stop(List<Work> open) {
    List<Work> told = open.stream().filter(Work::stop).toList();
    if (told.isEmpty()) {
      return;
    }
    Duration grace = told.stream().map(Work::grace).max(Comparator.naturalOrder()).orElseThrow();
    if (endedWithin(grace, told)) {
      text.append("What runs of it was told to stop, and has.\n");
      // A process that has ended may have left others behind.
      told.forEach(Work::kill);
      return;
    }
    text.append(
        "What runs of it was told to stop, and %s later this had not:\n"
            .formatted(Durations.text(grace)));
    List<Work> still = counted();
    told.stream().filter(still::contains).forEach(this::append);
    told.forEach(Work::kill);
  }

  /** Whether all have ended before the grace is over. */
  private boolean endedWithin(Duration grace, List<Work> told) {
    long deadline = System.nanoTime() + grace.toNanos();
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
