package io.sandpiper.jdbc;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** What all pools of a JVM share that lead to the same server or database. */
final class Servers implements AutoCloseable {

  private final AtomicLong clones = new AtomicLong();
  private final Map<String, ServerRoom> rooms = new ConcurrentHashMap<>();
  private final Map<String, Facts> facts = new ConcurrentHashMap<>();

  ServerRoom room(String server) {
    return rooms.computeIfAbsent(server, name -> new ServerRoom());
  }

  /** The number of a new clone, which none of this JVM has had: 1 and up. */
  long nextClone() {
    return clones.incrementAndGet();
  }

  Facts facts(Destination destination) {
    return facts.computeIfAbsent(destination.databaseName(), name -> new Facts());
  }

  /** Somebody may have changed the schema of any database. */
  void forgetFacts() {
    facts.values().forEach(Facts::forget);
  }

  @Override
  public void close() {
    rooms.clear();
    facts.clear();
  }
}
