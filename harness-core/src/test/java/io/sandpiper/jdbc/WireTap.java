package io.sandpiper.jdbc;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What pgjdbc makes the server execute, by physical connection and in order: read off the sockets,
 * so that the harness need not be believed.
 */
final class WireTap implements AutoCloseable {

  /** pgjdbc makes its socket factory by name, with a text, so this is how the two meet. */
  private static final Map<String, WireTap> TAPS = new ConcurrentHashMap<>();

  private final String name = UUID.randomUUID().toString();
  private final AtomicLong sequence = new AtomicLong();
  private final List<Conversation> conversations = new CopyOnWriteArrayList<>();

  /**
   * A text that the server was asked to execute.
   *
   * @param sequence its place among all that were sent on any connection
   */
  record Sent(long sequence, String sql) {}

  /** What was said on one physical connection to a database. */
  static final class Conversation {

    private final String database;
    private final List<Sent> sent = new ArrayList<>();

    Conversation(String database) {
      this.database = database;
    }

    String database() {
      return database;
    }

    synchronized List<Sent> sent() {
      return List.copyOf(sent);
    }

    private synchronized void add(Sent one) {
      sent.add(one);
    }
  }

  static WireTap named(String name) {
    WireTap tap = TAPS.get(name);
    if (tap == null) {
      throw new IllegalArgumentException("No tap is called " + name);
    }
    return tap;
  }

  /** A URL whose connections go through this tap. */
  String on(String url) {
    TAPS.put(name, this);
    return "%s%ssocketFactory=%s&socketFactoryArg=%s"
        .formatted(url, url.contains("?") ? "&" : "?", RecordedSockets.class.getName(), name);
  }

  Conversation begin(String database) {
    Conversation begun = new Conversation(database);
    conversations.add(begun);
    return begun;
  }

  void sent(@Nullable Conversation on, String sql) {
    if (on != null) {
      on.add(new Sent(sequence.incrementAndGet(), sql));
    }
  }

  /** The number of what was sent last. */
  long now() {
    return sequence.get();
  }

  List<Conversation> conversations() {
    return conversations;
  }

  @Override
  public void close() {
    TAPS.remove(name);
  }
}
