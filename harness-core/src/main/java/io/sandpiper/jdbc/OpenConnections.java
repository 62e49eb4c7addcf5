package io.sandpiper.jdbc;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The connections that the sandboxes of a run have open, over all servers and pools. */
final class OpenConnections implements AutoCloseable {

  private final Set<SandboxConnection> open = ConcurrentHashMap.newKeySet();

  void add(SandboxConnection connection) {
    open.add(connection);
  }

  void remove(SandboxConnection connection) {
    open.remove(connection);
  }

  /** The one that a process of a server belongs to, or null where it is none of this run. */
  @Nullable SandboxConnection find(String server, int pid) {
    List<SandboxConnection> found =
        open.stream()
            .filter(connection -> connection.pid() == pid && connection.server().equals(server))
            .toList();
    return found.isEmpty() ? null : found.get(0);
  }

  @Override
  public void close() {
    open.clear();
  }
}
