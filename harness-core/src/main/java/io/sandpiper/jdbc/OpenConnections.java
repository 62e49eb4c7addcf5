package io.sandpiper.jdbc;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The connections that the sandboxes of a run have open, over all servers and pools. */
final class OpenConnections implements AutoCloseable {

  private static final long JUST_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Set<SandboxConnection> open = ConcurrentHashMap.newKeySet();
  private final Map<Backend, Ended> ended = new ConcurrentHashMap<>();

  private record Backend(String server, int pid) {}

  private record Ended(String test, long at) {}

  void add(SandboxConnection connection) {
    open.add(connection);
  }

  /** Called when its locks are released and before another sandbox can have it. */
  void remove(SandboxConnection connection) {
    if (open.remove(connection)) {
      ended.put(
          new Backend(connection.server(), connection.pid()),
          new Ended(LockNames.test(connection.sandbox()), System.nanoTime()));
    }
  }

  /** Those of a server by their process. */
  Map<Integer, SandboxConnection> on(String server) {
    Map<Integer, SandboxConnection> found = new HashMap<>();
    for (SandboxConnection connection : open) {
      if (connection.server().equals(server)) {
        found.put(connection.pid(), connection);
      }
    }
    return found;
  }

  /** The test that a process of a server worked for until just now, or null. */
  @Nullable String justEnded(String server, int pid) {
    Ended last = ended.get(new Backend(server, pid));
    return last == null || System.nanoTime() - last.at() > JUST_NANOS ? null : last.test();
  }

  @Override
  public void close() {
    open.clear();
    ended.clear();
  }
}
