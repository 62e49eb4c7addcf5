package io.sandpiper.amqp;

import com.rabbitmq.client.Connection;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
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
    clock =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "sandpiper-put-back");
              thread.setDaemon(true);
              return thread;
            });
    clock.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
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
  void putBack(Received message, Sandbox sandbox, Connection connection, Duration delay) {
    String token = UUID.randomUUID().toString();
    onTheirWay.values().removeIf(other -> other.sinceEnd() != null);
    onTheirWay.put(token, sandbox);
    sandbox.inTransit(token, message.queue());
    clock.schedule(
        () -> send(message, sandbox, connection, token), delay.toNanos(), TimeUnit.NANOSECONDS);
  }

  private void send(Received message, Sandbox sandbox, Connection connection, String token) {
    if (sandbox.sinceEnd() != null) {
      arrived(token, message.queue());
      return;
    }
    send(
        "",
        message.queue(),
        message,
        connection,
        token,
        outcome -> {
          if (outcome != Outlet.Outcome.CONFIRMED) {
            sandbox.journal().note("%s was not put back: %s".formatted(message, outcome));
            arrived(token, message.queue());
          }
        });
  }

  /** Sends a message to wherever it is to go to, and tells once what became of it. */
  void send(
      String exchange,
      String routingKey,
      Received message,
      Connection connection,
      String token,
      Consumer<Outlet.Outcome> told) {
    Outlet outlet;
    try {
      outlet = outlet(connection);
    } catch (IOException | RuntimeException closed) {
      told.accept(Outlet.Outcome.FAILED);
      return;
    }
    outlet.send(exchange, routingKey, message, token, told);
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

  /** Counts a message no longer that has arrived, or never will. */
  void arrived(@Nullable String token, String queue) {
    Sandbox sandbox = token == null ? null : onTheirWay.remove(token);
    if (sandbox != null) {
      sandbox.notInTransit(String.valueOf(token), queue);
    }
  }

  /** The channels end with their connections, which are the application's. */
  @Override
  public void close() {
    clock.shutdownNow();
  }
}
