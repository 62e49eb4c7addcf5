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

  /** An entry as it is kept: most are never read, so their text is not made before. */
  private record Kept(Duration at, String who, Object what) {

    Entry read() {
      return new Entry(at, who, what.toString());
    }
  }

  private final Sandbox sandbox;
  private final Deque<Kept> entries = new ArrayDeque<>();
  private long dropped;

  Journal(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /** The entries so far, oldest first; a copy. */
  public List<Entry> entries() {
    return sandbox.read(() -> entries.stream().map(Kept::read).toList());
  }

  /**
   * Adds a note in the name of the work that the current thread does.
   *
   * @param what immutable; its text is that of {@code toString()}, asked for when it is read
   */
  public void note(Object what) {
    Work work = Work.current();
    add(work != null && work.sandbox() == sandbox ? work.name() : "harness", what);
  }

  void add(String who, Object what) {
    sandbox.update(
        () -> {
          if (entries.size() == CAPACITY) {
            entries.removeFirst();
            dropped++;
          }
          entries.addLast(new Kept(sandbox.age(), who, what));
        });
  }

  /**
   * The timeline as text, one entry a line: of what happens again and again, and of very many
   * entries, the first and the last.
   */
  @Override
  public String toString() {
    return sandbox.read(() -> Timeline.of(dropped, entries()));
  }
}
