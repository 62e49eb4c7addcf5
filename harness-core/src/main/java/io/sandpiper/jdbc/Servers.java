package io.sandpiper.jdbc;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What all pools of a JVM share that lead to the same server or database. */
final class Servers implements AutoCloseable {

  private final Map<String, ServerRoom> rooms = new ConcurrentHashMap<>();
  private final Map<String, Facts> facts = new ConcurrentHashMap<>();

  ServerRoom room(String server) {
    return rooms.computeIfAbsent(server, name -> new ServerRoom());
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
