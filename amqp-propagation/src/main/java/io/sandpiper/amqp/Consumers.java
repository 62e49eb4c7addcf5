package io.sandpiper.amqp;

import io.sandpiper.Run;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Knows which queues are consumed in this JVM now, whichever client consumes them.
 *
 * <p>Safe for use by several threads.
 */
final class Consumers implements AutoCloseable {

  private record Place(BrokerKey broker, String queue) {}

  private final Map<Place, Integer> counts = new ConcurrentHashMap<>();
  private final Map<Place, Departure> departures = new ConcurrentHashMap<>();
  private final CopyOnWriteArrayList<BiConsumer<BrokerKey, String>> listeners =
      new CopyOnWriteArrayList<>();

  /** Those of a run. */
  static Consumers of(Run run) {
    return run.shared(Consumers.class, Consumers::new);
  }

  /** Whether a queue has a consumer in this JVM. */
  boolean consumes(BrokerKey broker, String queue) {
    return counts.containsKey(new Place(broker, queue));
  }

  /** Why a queue has no consumer in this JVM. */
  Departure departure(BrokerKey broker, String queue) {
    return departures.getOrDefault(new Place(broker, queue), Departure.ASKED_FOR);
  }

  /**
   * Adds one that is told whenever the last consumer of a queue has gone; on whatever thread that
   * is noticed, so it is not to block.
   *
   * @return removes it again
   */
  Runnable whenNoneIsLeft(BiConsumer<BrokerKey, String> listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  /**
   * Counts a consumer.
   *
   * @return counts it no longer, for that reason; a second call does nothing
   */
  Consumer<Departure> add(BrokerKey broker, String queue) {
    Place place = new Place(broker, queue);
    counts.compute(
        place,
        (same, count) -> {
          departures.remove(place);
          return count == null ? 1 : count + 1;
        });
    AtomicBoolean gone = new AtomicBoolean();
    return departure -> {
      if (gone.compareAndSet(false, true) && leave(place, departure)) {
        listeners.forEach(listener -> listener.accept(broker, queue));
      }
    };
  }

  /** Returns whether it was the last. */
  private boolean leave(Place place, Departure departure) {
    return counts.computeIfPresent(
            place,
            (same, count) -> {
              if (count > 1) {
                return count - 1;
              }
              // Queues for one reply come and go in great numbers, each as it was asked for.
              if (departure != Departure.ASKED_FOR) {
                departures.put(place, departure);
              }
              return null;
            })
        == null;
  }

  @Override
  public void close() {
    departures.clear();
    counts.clear();
    listeners.clear();
  }
}
