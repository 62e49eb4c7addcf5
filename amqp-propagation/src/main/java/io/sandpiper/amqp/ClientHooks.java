package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Consumer;
import com.rabbitmq.client.MetricsCollector;
import com.rabbitmq.client.NoOpMetricsCollector;
import com.rabbitmq.client.TrafficListener;
import com.rabbitmq.client.observation.ObservationCollector;
import io.sandpiper.Run;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Objects;
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

  private final ConnectionFactory factory;
  private final Stamping stamping;
  private final Consumers consumers;
  private final Commands commands;

  /** The client calls both collectors, one after the other, on one thread. */
  private final ThreadLocal<@Nullable CountedConsumer> registering = new ThreadLocal<>();

  private ClientHooks(ConnectionFactory factory, Run run) {
    this.factory = factory;
    this.stamping = new Stamping(Transits.of(run), this::broker);
    this.consumers = Consumers.of(run);
    this.commands = Commands.install(factory, trafficListenerOf(factory), this::broker, run);
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

  private BrokerKey broker() {
    return BrokerKey.of(factory);
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
      if (args != null
          && method.getName().equals("publish")
          && args[1] instanceof AMQP.Basic.Publish publish) {
        publish(method, args.clone(), publish);
        return null;
      }
      if (args != null
          && method.getName().equals("basicConsume")
          && args[0] instanceof String queue) {
        return observed(queue, (Consumer) inner(method, args));
      }
      return inner(method, args);
    }

    private void publish(Method method, @Nullable Object[] args, AMQP.Basic.Publish publish)
        throws Throwable {
      commands.published(
          stamping.publish(
              publish.getExchange(),
              publish.getRoutingKey(),
              (AMQP.BasicProperties) args[2],
              args[3],
              stamped -> {
                args[2] = stamped;
                inner(method, args);
              }));
    }

    private Consumer observed(String queue, @Nullable Consumer consumer) {
      CountedConsumer counted =
          new CountedConsumer(
              Objects.requireNonNull(consumer, "the consumer"),
              () -> consumers.add(broker(), queue));
      registering.set(counted);
      commands.consuming(queue);
      return counted;
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
        if (method.getName().equals("basicConsume") && args[0] instanceof Channel channel) {
          registered(channel);
        }
      }
      return inner(method, args);
    }

    private void registered(Channel channel) {
      CountedConsumer counted = registering.get();
      registering.remove();
      if (counted != null) {
        counted.joined(channel);
      }
    }
  }
}
