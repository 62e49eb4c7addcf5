package io.sandpiper.amqp;

import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * To which queues the messages of one test were counted as in transit, arrived or not, so that they
 * can be given up where a queue loses its last consumer.
 */
final class Addressees implements SandboxPart {

  private record Place(BrokerKey broker, String queue) {}

  private final Sandbox sandbox;
  private final Map<String, Set<Place>> places = new ConcurrentHashMap<>();
  private final Set<String> kept = ConcurrentHashMap.newKeySet();

  Addressees(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  void add(BrokerKey broker, String messageId, List<String> queues) {
    places.compute(
        messageId,
        (same, present) -> {
          Set<Place> all = present == null ? ConcurrentHashMap.newKeySet(2) : present;
          queues.forEach(queue -> all.add(new Place(broker, queue)));
          return all;
        });
  }

  /** The broker has a message, and keeps it even where it is restarted. */
  void kept(String messageId) {
    kept.add(messageId);
  }

  /**
   * The last consumer of a queue in this JVM has gone: gives up what is in transit to it.
   *
   * @param why why it has gone
   * @param keepsKept whether the queue keeps what the broker does, and a consumer is to be back
   */
  void lost(BrokerKey broker, String queue, String why, boolean keepsKept) {
    Place place = new Place(broker, queue);
    places.forEach(
        (messageId, all) -> {
          if (all.contains(place) && !(keepsKept && kept.contains(messageId))) {
            sandbox.lost(
                messageId, queue, "is left without a consumer in this JVM (%s)".formatted(why));
          }
        });
  }

  /** Says in the journal why what the broker keeps for a queue may be long in coming. */
  void delayed(BrokerKey broker, String queue, String why) {
    Place place = new Place(broker, queue);
    if (kept.stream().anyMatch(id -> places.getOrDefault(id, Set.of()).contains(place))) {
      sandbox
          .journal()
          .note(
              "queue %s has no consumer in this JVM (%s); what the broker keeps in it is waited for"
                  .formatted(queue, why));
    }
  }

  /** Gives up a message that no queue got. */
  void returned(BrokerKey broker, String messageId) {
    for (Place place : new HashSet<>(places.getOrDefault(messageId, Set.of()))) {
      if (place.broker().equals(broker)) {
        sandbox.lost(messageId, place.queue(), "was returned by the broker");
      }
    }
  }

  @Override
  public void fence() {}

  @Override
  public void rollBack() {
    places.clear();
    kept.clear();
  }

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
