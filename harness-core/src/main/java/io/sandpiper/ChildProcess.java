package io.sandpiper;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A process that works for a test, with all that it has started itself. */
final class ChildProcess implements Doer {

  private volatile @Nullable StartedProcess started;

  /** One that ends leaves its children to somebody else, so they are remembered. */
  private volatile List<ProcessHandle> asked = List.of();

  void started(StartedProcess process) {
    started = process;
  }

  private @Nullable Process process() {
    StartedProcess known = started;
    return known == null ? null : known.process();
  }

  @Override
  public List<Thread> threads() {
    return List.of();
  }

  @Override
  public boolean stop() {
    Process child = process();
    if (child == null || !child.isAlive()) {
      return false;
    }
    asked = all(child);
    asked.forEach(ProcessHandle::destroy);
    return true;
  }

  /** A JVM has hooks, and a busy machine. */
  @Override
  public Duration grace() {
    return Duration.ofSeconds(3);
  }

  @Override
  public void kill() {
    Process child = process();
    if (child != null) {
      Stream.concat(asked.stream(), all(child).stream()).forEach(ProcessHandle::destroyForcibly);
    }
  }

  private static List<ProcessHandle> all(Process child) {
    return Stream.concat(child.descendants(), Stream.of(child.toHandle())).toList();
  }

  @Override
  public String toString() {
    StartedProcess known = started;
    return known == null ? "not begun" : "pid %d%s".formatted(known.pid(), known.unread());
  }
}
