package io.sandpiper.jdbc;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The rooms of a JVM, by server. */
final class ServerRooms implements AutoCloseable {

  private final Map<String, ServerRoom> rooms = new ConcurrentHashMap<>();

  ServerRoom of(String server) {
    return rooms.computeIfAbsent(server, name -> new ServerRoom());
  }

  @Override
  public void close() {
    rooms.clear();
  }
}
