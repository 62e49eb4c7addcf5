package io.sandpiper.amqp;

import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import java.util.List;
import java.util.Map;
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

  /** Gives up what is in transit to a queue, whose last consumer in this JVM has gone. */
  void lost(BrokerKey broker, String queue) {
    Place place = new Place(broker, queue);
    places.forEach(
        (messageId, all) -> {
          if (all.contains(place)) {
            sandbox.lost(
                messageId, queue, "is left without a consumer in this JVM (its last has gone)");
          }
        });
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
  }

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
