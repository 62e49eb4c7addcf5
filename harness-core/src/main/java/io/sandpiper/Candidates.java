package io.sandpiper;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The hops that match an expectation, each judged once.
 *
 * <p>They are judged outside the sandbox's lock, because a predicate is the test's own code and may
 * query the database. Used by one thread.
 */
final class Candidates {

  private final Sandbox sandbox;
  private final Expectation expected;
  private final List<Hop> matching = new ArrayList<>();
  private int judged;

  Candidates(Sandbox sandbox, Expectation expected) {
    this.sandbox = sandbox;
    this.expected = expected;
  }

  /** Judges what has come since the last call; not to be called under the lock. */
  void judge() {
    List<Hop> fresh = sandbox.read(() -> sandbox.mailbox().since(judged));
    judged += fresh.size();
    for (Hop hop : fresh) {
      if (expected.matches(hop)) {
        matching.add(hop);
      }
    }
  }

  /** Whether something has come that was not judged; under the lock. */
  boolean stale() {
    return sandbox.mailbox().size() > judged;
  }

  /** The first that matches and was not consumed, or null; under the lock. */
  @Nullable Hop first() {
    for (Hop hop : matching) {
      if (!sandbox.mailbox().consumed(hop)) {
        return hop;
      }
    }
    return null;
  }
}
