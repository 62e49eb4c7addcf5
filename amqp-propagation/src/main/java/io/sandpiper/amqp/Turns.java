package io.sandpiper.amqp;

import io.sandpiper.Run;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Lets one test at a time search a queue while it holds messages of others: two that held each
 * other's would both find nothing.
 */
final class Turns implements AutoCloseable {

  private record Place(BrokerKey broker, String queue) {}

  private final Map<Place, Lock> locks = new ConcurrentHashMap<>();

  /** Those of a run. */
  static Turns of(Run run) {
    return run.shared(Turns.class, Turns::new);
  }

  /** Who holds it has the turn. */
  Lock turn(BrokerKey broker, String queue) {
    return locks.computeIfAbsent(new Place(broker, queue), place -> new ReentrantLock(true));
  }

  @Override
  public void close() {
    locks.clear();
  }
}
