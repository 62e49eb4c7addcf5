package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Consumer;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.MetricsCollector;
import com.rabbitmq.client.NoOpMetricsCollector;
import com.rabbitmq.client.TrafficListener;
import com.rabbitmq.client.observation.ObservationCollector;
import com.rabbitmq.client.observation.ObservationCollector.BasicGetCall;
import com.rabbitmq.client.observation.ObservationCollector.PublishCall;
import io.sandpiper.Run;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The two places that everything passes that a connection factory's connections publish and
 * consume: its observation collector, which may change it, and its metrics collector, which is told
 * on which channel it is. The application's own collectors stay, inside ours.
 *
 * <p>Proxies, because methods of both interfaces differ from one version of the client to the next:
 * the body of a publish is a {@code byte[]} up to client 5.30 and a ByteBuffer from 5.31 on.
 */
final class ClientHooks {

  private static final String COLLECTOR = "observationCollector";

  private final Commands commands;
  private final Traffic traffic;
  private final HookedConnections connections;
  private final TimedPolls timedPolls;

  // The client calls both collectors, one after the other, on one thread.
  private final ThreadLocal<@Nullable CountedConsumer> registering = new ThreadLocal<>();
  private final ThreadLocal<@Nullable Poll> polls = new ThreadLocal<>();

  private ClientHooks(ConnectionFactory factory, Run run) {
    Supplier<BrokerKey> broker = () -> BrokerKey.of(factory);
    this.commands = Commands.install(factory, trafficListenerOf(factory), broker, run);
    this.traffic = new Traffic(run, broker);
    this.connections = HookedConnections.of(run);
    this.timedPolls = TimedPolls.of(run);
  }

  /** Puts in what is not there; a factory may have been given another collector since. */
  static void install(ConnectionFactory factory, Run run) {
    ObservationCollector observations = collectorOf(factory);
    MetricsCollector metrics = factory.getMetricsCollector();
    Hook observing = hook(observations);
    Hook measuring = hook(metrics);
    ClientHooks hooks =
        observing != null
            ? observing.owner()
            : measuring != null ? measuring.owner() : new ClientHooks(factory, run);
    if (observing == null) {
      factory.setObservationCollector(
          proxy(ObservationCollector.class, hooks.new Observations(observations)));
    }
    if (measuring == null) {
      factory.setMetricsCollector(
          proxy(
              MetricsCollector.class,
              hooks.new Metrics(metrics == null ? new NoOpMetricsCollector() : metrics)));
    }
  }

  /** Gives a factory its own collectors back. */
  static void remove(ConnectionFactory factory) {
    if (trafficListenerOf(factory) instanceof Commands commands) {
      commands.remove(factory);
    }
    Hook observing = hook(collectorOf(factory));
    if (observing != null) {
      factory.setObservationCollector((ObservationCollector) observing.inner);
    }
    Hook measuring = hook(factory.getMetricsCollector());
    if (measuring != null) {
      factory.setMetricsCollector((MetricsCollector) measuring.inner);
    }
  }

  private static ObservationCollector collectorOf(ConnectionFactory factory) {
    return fieldOf(factory, COLLECTOR, ObservationCollector.class);
  }

  private static TrafficListener trafficListenerOf(ConnectionFactory factory) {
    return fieldOf(factory, "trafficListener", TrafficListener.class);
  }

  /** The factory has setters only, and what the application has set must go on working. */
  private static <T> T fieldOf(ConnectionFactory factory, String name, Class<T> type) {
    try {
      Field field = ConnectionFactory.class.getDeclaredField(name);
      field.setAccessible(true);
      return type.cast(field.get(factory));
    } catch (ReflectiveOperationException unknown) {
      throw new IllegalStateException(
          ("This version of RabbitMQ's Java client does not keep what it is set in"
                  + " ConnectionFactory.%s. Use the version that Spring Boot manages, or report"
                  + " it to Sandpiper.")
              .formatted(name),
          unknown);
    }
  }

  private static @Nullable Hook hook(@Nullable Object collector) {
    return collector != null
            && Proxy.isProxyClass(collector.getClass())
            && Proxy.getInvocationHandler(collector) instanceof Hook hook
        ? hook
        : null;
  }

  private static <T> T proxy(Class<T> type, Hook hook) {
    return type.cast(
        Proxy.newProxyInstance(ClientHooks.class.getClassLoader(), new Class<?>[] {type}, hook));
  }

  /** One call of basicGet by the application. */
  private static final class Poll {
    private @Nullable Channel channel;
    private boolean autoAck;

    Polling.Source source(String queue) {
      if (channel == null) {
        throw new UnknownChannelException(queue);
      }
      return new Polling.Source(channel, queue, autoAck);
    }
  }

  private abstract class Hook implements InvocationHandler {

    final Object inner;

    Hook(Object inner) {
      this.inner = inner;
    }

    ClientHooks owner() {
      return ClientHooks.this;
    }

    final @Nullable Object inner(Method method, @Nullable Object @Nullable [] args)
        throws Throwable {
      try {
        return method.invoke(inner, args);
      } catch (InvocationTargetException thrown) {
        throw thrown.getCause();
      }
    }
  }

  private final class Observations extends Hook {

    Observations(ObservationCollector inner) {
      super(inner);
    }

    @Override
    public @Nullable Object invoke(Object self, Method method, @Nullable Object @Nullable [] args)
        throws Throwable {
      if (args != null) {
        switch (method.getName()) {
          case "publish" -> {
            publish(method, args.clone());
            return null;
          }
          case "basicConsume" -> {
            return consume(method, args);
          }
          case "basicGet" -> {
            return get(method, args.clone());
          }
          default -> {}
        }
      }
      return inner(method, args);
    }

    private void publish(Method method, @Nullable Object[] args) throws Throwable {
      if (OwnWork.isCurrent()) {
        // Not the application's own collector either: it would write over the original's headers.
        ((PublishCall) Objects.requireNonNull(args[0])).publish((AMQP.BasicProperties) args[2]);
        return;
      }
      AMQP.Basic.Publish publish = (AMQP.Basic.Publish) Objects.requireNonNull(args[1]);
      commands.published(
          traffic
              .stamping()
              .publish(
                  publish.getExchange(),
                  publish.getRoutingKey(),
                  (AMQP.BasicProperties) args[2],
                  args[3],
                  stamped -> {
                    args[2] = stamped;
                    inner(method, args);
                  }));
    }

    private Consumer consume(Method method, @Nullable Object[] args) throws Throwable {
      String queue = (String) Objects.requireNonNull(args[0]);
      Consumer observed = (Consumer) Objects.requireNonNull(inner(method, args));
      CountedConsumer counted =
          traffic.consumer(queue, (Consumer) Objects.requireNonNull(args[2]), observed);
      registering.set(counted);
      commands.consuming(queue);
      return counted;
    }

    private @Nullable Object get(Method method, @Nullable Object[] args) throws Throwable {
      BasicGetCall call = (BasicGetCall) Objects.requireNonNull(args[0]);
      String queue = (String) Objects.requireNonNull(args[1]);
      if (polls.get() != null || OwnWork.isCurrent()) {
        // By a search of ours; the application's collector is told what that finds.
        return call.get();
      }
      Poll poll = new Poll();
      polls.set(poll);
      try {
        args[0] = (BasicGetCall) () -> find(poll, queue, call.get());
        return inner(method, args);
      } finally {
        polls.remove();
      }
    }

    private @Nullable GetResponse find(Poll poll, String queue, @Nullable GetResponse first) {
      try {
        return first == null
            ? traffic.polling().kept(queue)
            : traffic.polling().find(poll.source(queue), first);
      } catch (IOException closed) {
        // The collector may not throw it; the next use of the channel tells why it is closed.
        return null;
      }
    }
  }

  private final class Metrics extends Hook {

    Metrics(MetricsCollector inner) {
      super(inner);
    }

    @Override
    public @Nullable Object invoke(Object self, Method method, @Nullable Object @Nullable [] args)
        throws Throwable {
      if (args != null) {
        commands.told(method.getName(), args);
        observe(method.getName(), args);
      }
      return inner(method, args);
    }

    private void observe(String event, @Nullable Object[] args) {
      if (args[0] instanceof Connection connection && event.equals("newConnection")) {
        connections.add(connection);
      } else if (args[0] instanceof Channel channel) {
        switch (event) {
          case "basicConsume" -> registered(channel, flag(args, 2));
          case "basicCancel" -> timedPolls.cancelled(channel);
          case "consumedMessage" -> got(channel, args);
          case "basicAck" -> settled(channel, args, flag(args, 2));
          case "basicNack", "basicReject" -> settled(channel, args, false);
          default -> {}
        }
      }
    }

    private void registered(Channel channel, boolean autoAck) {
      CountedConsumer counted = registering.get();
      registering.remove();
      if (counted != null) {
        counted.on(channel, autoAck, commands.callerOf(channel));
        counted.joined();
      }
    }

    private void got(Channel channel, @Nullable Object[] args) {
      Poll poll = polls.get();
      if (poll != null && args[2] instanceof Boolean autoAck) {
        poll.channel = channel;
        poll.autoAck = autoAck;
      }
    }

    private void settled(Channel channel, @Nullable Object[] args, boolean multiple) {
      traffic.settlements().settled(channel, (Long) Objects.requireNonNull(args[1]), multiple);
    }

    private static boolean flag(@Nullable Object[] args, int index) {
      return Boolean.TRUE.equals(args[index]);
    }
  }
}
