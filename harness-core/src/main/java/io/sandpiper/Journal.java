package io.sandpiper;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * What happened in one test, in sequence: hops, work, SQL and notes.
 *
 * <p>Safe for use by several threads. The source of the timeline in every failure message.
 */
public final class Journal {

  /** How many entries a journal keeps: the last, because failures are about the end. */
  static final int CAPACITY = 10_000;

  /**
   * One entry.
   *
   * @param at when it happened, from the start of the test
   * @param who what did it: {@code test}, or the name of the listener call, request or task
   * @param text what it was
   */
  public record Entry(Duration at, String who, String text) {

    /** {@code +0.012s test sent scoring.requests}. */
    @Override
    public String toString() {
      return "%s %-9s %s".formatted(Durations.offset(at), who, text);
    }
  }

  private final Sandbox sandbox;
  private final Deque<Entry> entries = new ArrayDeque<>();
  private long dropped;

  Journal(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /** The entries so far, oldest first; a copy. */
  public List<Entry> entries() {
    return sandbox.read(() -> List.copyOf(entries));
  }

  /** Adds a note in the name of the work that the current thread does. */
  public void note(String text) {
    Work work = Work.current();
    add(work != null && work.sandbox() == sandbox ? work.name() : "harness", text);
  }

  void add(String who, String text) {
    sandbox.update(
        () -> {
          if (entries.size() == CAPACITY) {
            entries.removeFirst();
            dropped++;
          }
          entries.addLast(new Entry(sandbox.age(), who, text));
        });
  }

  /** The timeline as text, one entry a line. */
  @Override
  public String toString() {
    return sandbox.read(
        () -> {
          StringBuilder lines = new StringBuilder();
          if (dropped > 0) {
            lines.append("  … ").append(dropped).append(" earlier entries\n");
          }
          entries.forEach(entry -> lines.append("  ").append(entry).append('\n'));
          return lines.toString();
        });
  }
}
