package io.sandpiper.jdbc;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** What all pools of a JVM share that lead to the same server or database. */
final class Servers implements AutoCloseable {

  private final AtomicLong clones = new AtomicLong();
  private final Map<String, ServerRoom> rooms = new ConcurrentHashMap<>();
  private final Map<String, Facts> facts = new ConcurrentHashMap<>();
  private final Map<String, Gate> gates = new ConcurrentHashMap<>();
  private final Map<String, AtomicLong> setUps = new ConcurrentHashMap<>();

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

  Gate gate(Destination destination) {
    return gates.computeIfAbsent(destination.databaseName(), name -> new Gate());
  }

  /** How often set-up may have changed what is in a database. */
  AtomicLong setUps(Destination destination) {
    return setUps.computeIfAbsent(destination.databaseName(), name -> new AtomicLong());
  }

  /** Set-up may have changed what is in any database. */
  void setUpAnywhere() {
    setUps.values().forEach(AtomicLong::incrementAndGet);
  }

  /** Somebody may have changed the schema of any database. */
  void forgetFacts() {
    facts.values().forEach(Facts::forget);
  }

  @Override
  public void close() {
    rooms.clear();
    facts.clear();
    gates.clear();
    setUps.clear();
  }
}
