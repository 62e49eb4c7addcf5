package io.sandpiper.amqp;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import com.rabbitmq.client.Connection;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Has messages delivered once more: publishes them to their queue again, as they were, and counts
 * them as in transit until they arrive there.
 *
 * <p>One for a run. Safe for use by several threads.
 */
final class PutBack implements AutoCloseable {

  private final ScheduledThreadPoolExecutor clock;
  private final Map<Connection, Outlet> outlets = new ConcurrentHashMap<>();
  private final Map<String, Sandbox> onTheirWay = new ConcurrentHashMap<>();

  private PutBack() {
    clock = Clock.start("sandpiper-put-back");
  }

  static PutBack of(Run run) {
    return run.shared(PutBack.class, PutBack::new);
  }

  /**
   * Puts a message back into its queue; the end of its test waits for it.
   *
   * @param message what to put back, with the flags that it is to have
   * @param sandbox its test's
   * @param connection the one that it came by
   * @param delay how long after now
   */
  void putBack(Original message, Sandbox sandbox, Connection connection, Duration delay) {
    Original.Journey journey = message.again(true);
    expect(journey, sandbox, message.queue());
    clock.schedule(
        () -> putBack(message, sandbox, connection, journey), delay.toNanos(), NANOSECONDS);
  }

  private void putBack(
      Original message, Sandbox sandbox, Connection connection, Original.Journey journey) {
    if (sandbox.sinceEnd() != null) {
      arrived(journey, message.queue());
      return;
    }
    send(
        message.queue(),
        message,
        journey,
        connection,
        outcome -> {
          if (outcome != Outlet.Outcome.CONFIRMED) {
            sandbox.journal().note("%s was not put back: %s".formatted(message, outcome));
            arrived(journey, message.queue());
          }
        });
  }

  /** Counts a message as in transit to an application's queue, by the name it has on its way. */
  void expect(Original.Journey journey, Sandbox sandbox, String queue) {
    onTheirWay.values().removeIf(other -> other.sinceEnd() != null);
    onTheirWay.put(journey.token(), sandbox);
    sandbox.inTransit(journey.token(), queue);
  }

  /** Whether a message is counted by the name that it has on its way. */
  boolean expects(Original.@Nullable Journey journey) {
    return journey != null && onTheirWay.containsKey(journey.token());
  }

  /** Counts a message no longer that has arrived, or never will. */
  void arrived(Original.@Nullable Journey journey, String queue) {
    Sandbox sandbox = journey == null ? null : onTheirWay.remove(journey.token());
    if (journey != null && sandbox != null) {
      sandbox.notInTransit(journey.token(), queue);
    }
  }

  /**
   * Sends a message to a queue.
   *
   * @param told what became of it; called once, by a thread that must not wait
   */
  void send(
      String queue,
      Original message,
      Original.Journey journey,
      Connection connection,
      Consumer<Outlet.Outcome> told) {
    Outlet outlet;
    try {
      outlet = outlet(connection);
    } catch (IOException | RuntimeException closed) {
      told.accept(Outlet.Outcome.FAILED);
      return;
    }
    outlet.send(queue, message, journey, told);
  }

  private synchronized Outlet outlet(Connection connection) throws IOException {
    Outlet known = outlets.get(connection);
    if (known != null && known.isOpen()) {
      return known;
    }
    outlets.keySet().removeIf(other -> !other.isOpen());
    Outlet opened = Outlet.open(connection);
    outlets.put(connection, opened);
    return opened;
  }

  /** The channels end with their connections, which are the application's. */
  @Override
  public void close() {
    clock.shutdownNow();
  }
}
