package io.sandpiper;

import java.time.Duration;
import java.util.List;

/**
 * What happened in one test, in sequence: hops, work, SQL and notes.
 *
 * <p>Safe for use by several threads. The source of the timeline in every failure message.
 */
public final class Journal {

  /** How many entries a journal keeps; what comes later is counted only. */
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
  private final java.util.ArrayList<Entry> entries = new java.util.ArrayList<>();
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
          if (entries.size() < CAPACITY) {
            entries.add(new Entry(sandbox.age(), who, text));
          } else {
            dropped++;
          }
        });
  }

  /** The timeline as text, one entry a line. */
  @Override
  public String toString() {
    return sandbox.read(
        () -> {
          StringBuilder lines = new StringBuilder();
          entries.forEach(entry -> lines.append("  ").append(entry).append('\n'));
          if (dropped > 0) {
            lines.append("  … and ").append(dropped).append(" entries more\n");
          }
          return lines.toString();
        });
  }
}
