package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ShutdownSignalException;
import io.sandpiper.Run;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.amqp.AmqpException;
import org.springframework.amqp.rabbit.connection.AbstractConnectionFactory;
import org.springframework.amqp.rabbit.connection.Connection;
import org.springframework.amqp.rabbit.connection.ConnectionListener;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.support.ListenerContainerAware;
import org.springframework.context.ApplicationContext;

/**
 * An application context as the home of tests on a broker that it shares: its listeners listen to
 * one more queue for each of theirs, to which what belongs to it is forwarded.
 *
 * <p>The queues outlive a connection that is cut and a broker that is restarted, and expire when
 * nobody consumes them, as those of a context do that is paused.
 */
final class ContextHome extends BeforeListeners {

  private static final Logger LOG = LoggerFactory.getLogger(ContextHome.class);

  private static final int LONGEST_NAME = 255;

  private final ApplicationContext context;
  private final Run run;
  private final BooleanSupplier shared;
  private final Supplier<List<AbstractMessageListenerContainer>> containers;
  private final Homes homes;
  private final String name;
  private final Set<AbstractMessageListenerContainer> adopted = ConcurrentHashMap.newKeySet();
  private final Map<String, AbstractMessageListenerContainer> byQueue = new ConcurrentHashMap<>();
  private final List<Declaration> declarations = new CopyOnWriteArrayList<>();

  /**
   * The home of a context.
   *
   * @param shared whether its broker is shared with other contexts or runs
   * @param containers those of its listeners, asked for when it starts
   */
  ContextHome(
      ApplicationContext context,
      Run run,
      BooleanSupplier shared,
      Supplier<List<AbstractMessageListenerContainer>> containers) {
    this.context = context;
    this.run = run;
    this.shared = shared;
    this.containers = containers;
    this.homes = Homes.of(run);
    this.name = Integer.toHexString(System.identityHashCode(context));
  }

  /** Whether a test that works with a context is at home here. */
  boolean isOf(Object home) {
    for (ApplicationContext at = home instanceof ApplicationContext test ? test : null;
        at != null;
        at = at.getParent()) {
      if (at == context) {
        return true;
      }
    }
    return false;
  }

  /** Whether a listener container is one of this context. */
  boolean has(Object container) {
    return container instanceof AbstractMessageListenerContainer known && adopted.contains(known);
  }

  /** The queue that leads to the listener of a queue; null where none listens. */
  @Nullable String queueFor(String queue) {
    AbstractMessageListenerContainer container = byQueue.get(queue);
    return container == null || !container.isRunning() ? null : ownQueue(queue);
  }

  private String ownQueue(String queue) {
    return "%s.%s.%s".formatted(Homes.queueOf(run.name()), name, queue);
  }

  @Override
  void begin() {
    if (shared.getAsBoolean()) {
      beHome();
    }
  }

  private void beHome() {
    declarations.forEach(Declaration::again);
    containers.get().forEach(this::adopt);
    homes.add(this);
  }

  /** A container is made at run time; those that are there at the start are found then. */
  void made(AbstractMessageListenerContainer container) {
    if (!isRunning() || !shared.getAsBoolean()) {
      return;
    }
    for (String queue : container.getQueueNames()) {
      // It may be in place of one that was stopped for good.
      byQueue.computeIfPresent(queue, (same, known) -> known.isRunning() ? known : null);
    }
    try {
      adopt(container);
    } catch (AmqpException unreachable) {
      LOG.warn(
          "{} has no home queues: {}. Messages for it that others are given are handled there.",
          container,
          unreachable.toString());
    }
  }

  private void adopt(AbstractMessageListenerContainer container) {
    if (adopted.add(container)
        && container.getConnectionFactory() instanceof AbstractConnectionFactory connections
        && !(container.getMessageListener() instanceof ListenerContainerAware)) {
      adopt(container, connections);
    }
  }

  private void adopt(
      AbstractMessageListenerContainer container, AbstractConnectionFactory connections) {
    List<String> own = new ArrayList<>();
    for (String queue : container.getQueueNames()) {
      String home = ownQueue(queue);
      if (queue.isEmpty() || home.getBytes(StandardCharsets.UTF_8).length > LONGEST_NAME) {
        LOG.warn("Queue \"{}\" has no home queue: its name is too long or the broker's.", queue);
      } else if (byQueue.putIfAbsent(queue, container) == null) {
        own.add(home);
      }
    }
    if (own.isEmpty()) {
      return;
    }
    // It is told of the connection that there is, and of each that comes after it.
    Declaration declaration = new Declaration(connections, own);
    declarations.add(declaration);
    connections.addConnectionListener(declaration);
    connections.createConnection().close();
    container.addQueueNames(own.toArray(String[]::new));
  }

  /** Declares the queues whenever their connection is opened. */
  private final class Declaration implements ConnectionListener {

    private final AbstractConnectionFactory connections;
    private final List<String> queues;

    Declaration(AbstractConnectionFactory connections, List<String> queues) {
      this.connections = connections;
      this.queues = queues;
    }

    /** They have expired where the context was paused for long. */
    void again() {
      try (Connection connection = connections.createConnection()) {
        onCreate(connection);
      }
    }

    @Override
    public void onCreate(@Nullable Connection connection) {
      com.rabbitmq.client.Connection delegate =
          connection == null ? null : connection.getDelegate();
      if (delegate == null) {
        return;
      }
      try (Channel channel = OwnConnections.channel(delegate)) {
        for (String queue : queues) {
          channel.queueDeclare(
              queue, true, false, false, homes.life().ofContext(Homes.queueOf(run.name())));
        }
        RunHome.of(run)
            .open(OwnConnections.leadingTo(delegate, connections.getRabbitConnectionFactory()));
      } catch (IOException | TimeoutException | ShutdownSignalException failed) {
        LOG.warn(
            "The home queues of {} could not be declared: {}. Messages of its tests that others"
                + " are given will be parked.",
            context.getDisplayName(),
            failed.toString());
      }
    }
  }

  @Override
  void end() {
    homes.remove(this);
  }
}
