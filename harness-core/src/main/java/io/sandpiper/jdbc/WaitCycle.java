package io.sandpiper.jdbc;

import io.sandpiper.Sandbox;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A ring of threads of which each holds the lease that the one before it waits for, over the
 * several databases of one sandbox.
 */
final class WaitCycle {

  private final List<Leases> all = new ArrayList<>();

  WaitCycle(Sandbox sandbox) {
    sandbox.parts(SandboxConnection.class).forEach(connection -> all.add(connection.leases()));
  }

  /** The ring that the current thread closes by waiting, or null where there is none. */
  @Nullable String through(Leases awaited) {
    Thread waiter = Thread.currentThread();
    List<String> ring = new ArrayList<>();
    Set<Leases> passed = new HashSet<>();
    Leases next = awaited;
    while (next != null && passed.add(next)) {
      Lease holder = next.holder();
      if (holder == null) {
        return null;
      }
      ring.add("it is held by %s".formatted(holder));
      if (holder.thread() == waiter) {
        return String.join(", which waits until another lease is given back; ", ring);
      }
      next = awaitedBy(holder.thread());
    }
    return null;
  }

  private @Nullable Leases awaitedBy(Thread thread) {
    return all.stream().filter(leases -> leases.isAwaitedBy(thread)).findFirst().orElse(null);
  }
}
