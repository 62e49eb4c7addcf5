package io.sandpiper;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The tests that ended, so that a late message can be told from a forged one and named. */
final class Tombstones {

  private record Tombstone(String test, long endedAt) {}

  private final Map<Long, Tombstone> bySequence = new ConcurrentHashMap<>();

  void add(Sandbox sandbox) {
    bySequence.put(sandbox.id().sequence(), new Tombstone(sandbox.testName(), System.nanoTime()));
  }

  Refusal late(TestId id) {
    @Nullable Tombstone tombstone = bySequence.get(id.sequence());
    return tombstone == null
        ? Refusal.late(id.toString(), null, null)
        : Refusal.late(
            id.toString(),
            tombstone.test(),
            Duration.ofNanos(System.nanoTime() - tombstone.endedAt()));
  }
}
