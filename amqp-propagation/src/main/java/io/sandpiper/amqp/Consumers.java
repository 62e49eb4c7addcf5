package io.sandpiper.amqp;

import io.sandpiper.Run;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;

/**
 * Knows which queues are consumed in this JVM now, whichever client consumes them.
 *
 * <p>Safe for use by several threads.
 */
final class Consumers implements AutoCloseable {

  private record Place(BrokerKey broker, String queue) {}

  private final Map<Place, Integer> counts = new ConcurrentHashMap<>();
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
   * @return counts it no longer; a second call does nothing
   */
  Runnable add(BrokerKey broker, String queue) {
    Place place = new Place(broker, queue);
    counts.merge(place, 1, Integer::sum);
    AtomicBoolean gone = new AtomicBoolean();
    return () -> {
      if (gone.compareAndSet(false, true)
          && counts.computeIfPresent(place, (same, count) -> count == 1 ? null : count - 1)
              == null) {
        listeners.forEach(listener -> listener.accept(broker, queue));
      }
    };
  }

  @Override
  public void close() {
    counts.clear();
    listeners.clear();
  }
}
