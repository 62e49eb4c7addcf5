package io.sandpiper.amqp;

import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The messages of one test that others got from the broker, and acknowledged thereby, when they
 * asked for their own.
 */
final class Stash implements SandboxPart {

  private record Place(BrokerKey broker, String queue) {}

  // Guarded by this.
  private final Map<Place, Deque<Polling.Got>> messages = new HashMap<>();
  private boolean fenced;

  /** Keeps a message for its test; false where that has ended. */
  static boolean put(Sandbox owner, BrokerKey broker, String queue, Polling.Got message) {
    return owner.part(Stash.class, Stash::new) instanceof Stash stash
        && stash.put(new Place(broker, queue), message);
  }

  /** The message that a test has waited for the longest, or null where it has none. */
  static Polling.@Nullable Got take(Sandbox owner, BrokerKey broker, String queue) {
    for (Stash stash : owner.parts(Stash.class)) {
      Polling.Got message = stash.take(new Place(broker, queue));
      if (message != null) {
        return message;
      }
    }
    return null;
  }

  private synchronized boolean put(Place place, Polling.Got message) {
    if (!fenced) {
      messages.computeIfAbsent(place, none -> new ArrayDeque<>()).add(message);
    }
    return !fenced;
  }

  private synchronized Polling.@Nullable Got take(Place place) {
    Deque<Polling.Got> waiting = messages.get(place);
    return waiting == null ? null : waiting.poll();
  }

  @Override
  public synchronized void fence() {
    fenced = true;
    messages.clear();
  }

  @Override
  public void rollBack() {}

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
