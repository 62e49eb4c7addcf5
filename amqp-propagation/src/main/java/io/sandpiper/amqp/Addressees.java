package io.sandpiper.amqp;

import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * To which queues the messages of one test were counted as in transit, arrived or not, so that they
 * can be given up where a queue loses its last consumer.
 */
final class Addressees implements SandboxPart {

  private record Place(BrokerKey broker, String queue) {}

  private final Sandbox sandbox;
  private final Map<String, List<Place>> places = new ConcurrentHashMap<>();
  private final Set<String> kept = ConcurrentHashMap.newKeySet();

  Addressees(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  void add(BrokerKey broker, String messageId, List<String> queues) {
    List<Place> added = queues.stream().map(queue -> new Place(broker, queue)).toList();
    places.merge(
        messageId,
        added,
        (present, more) -> Stream.concat(present.stream(), more.stream()).distinct().toList());
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
    if (kept.stream().anyMatch(id -> places.getOrDefault(id, List.of()).contains(place))) {
      sandbox
          .journal()
          .note(
              "queue %s has no consumer in this JVM (%s); what the broker keeps in it is waited for"
                  .formatted(queue, why));
    }
  }

  /** Gives up a message that no queue got. */
  void returned(BrokerKey broker, String messageId) {
    for (Place place : places.getOrDefault(messageId, List.of())) {
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
