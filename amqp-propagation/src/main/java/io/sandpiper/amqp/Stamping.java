package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.observation.ObservationCollector;
import com.rabbitmq.client.observation.ObservationCollector.PublishCall;
import io.sandpiper.Hop;
import io.sandpiper.Propagation;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Stamps messages in the one place that every publish of the client passes: its observation
 * collector.
 *
 * <p>A proxy, because the interface takes a {@code byte[]} body up to client 5.30 and a ByteBuffer
 * from 5.31 on.
 */
final class Stamping implements InvocationHandler {

  private static final String COLLECTOR = "observationCollector";

  private static final String DIRECT_REPLY = "amq.rabbitmq.reply-to";

  private final ObservationCollector inner;

  private Stamping(ObservationCollector inner) {
    this.inner = inner;
  }

  static void install(ConnectionFactory factory) {
    ObservationCollector inner = collectorOf(factory);
    if (Proxy.isProxyClass(inner.getClass())
        && Proxy.getInvocationHandler(inner) instanceof Stamping) {
      return;
    }
    factory.setObservationCollector(
        (ObservationCollector)
            Proxy.newProxyInstance(
                Stamping.class.getClassLoader(),
                new Class<?>[] {ObservationCollector.class},
                new Stamping(inner)));
  }

  /** The factory has a setter only, and the application's own collector must go on working. */
  private static ObservationCollector collectorOf(ConnectionFactory factory) {
    try {
      Field field = ConnectionFactory.class.getDeclaredField(COLLECTOR);
      field.setAccessible(true);
      return (ObservationCollector) field.get(factory);
    } catch (ReflectiveOperationException unknown) {
      throw new IllegalStateException(
          ("This version of RabbitMQ's Java client keeps its observation collector elsewhere than"
                  + " in ConnectionFactory.%s. Use the version that Spring Boot manages, or report"
                  + " it to Sandpiper.")
              .formatted(COLLECTOR),
          unknown);
    }
  }

  @Override
  public @Nullable Object invoke(Object self, Method method, @Nullable Object @Nullable [] args)
      throws Throwable {
    Work work = Work.current();
    if (work != null
        && args != null
        && method.getName().equals("publish")
        && args[0] instanceof PublishCall call
        && args[1] instanceof AMQP.Basic.Publish publish) {
      AMQP.BasicProperties properties = (AMQP.BasicProperties) args[2];
      publish(work.sandbox(), method, args.clone(), call, publish, properties);
      return null;
    }
    return inner(method, args);
  }

  private void publish(
      Sandbox sandbox,
      Method method,
      @Nullable Object[] args,
      PublishCall call,
      AMQP.Basic.Publish publish,
      AMQP.@Nullable BasicProperties properties)
      throws Throwable {
    AMQP.BasicProperties stamped = stamp(sandbox, properties);
    // Recorded before it is sent: the reply may be faster than this thread.
    Hop hop =
        sandbox.sent(
            new Hop.Content(
                Hop.Direction.SENT,
                publish.getRoutingKey(),
                new Hop.Route(publish.getExchange(), publish.getRoutingKey()),
                stamped.getHeaders(),
                bytes(args[3]),
                new Hop.Ids(
                    stamped.getCorrelationId(),
                    stamped.getMessageId(),
                    replyQueue(stamped.getReplyTo()))));
    args[2] = stamped;
    try {
      inner(method, args);
    } catch (IOException | RuntimeException failed) {
      sandbox.failedToSend(hop, failed);
      throw failed;
    }
  }

  /** The name that stands for the client itself is the same for everybody. */
  private static @Nullable String replyQueue(@Nullable String replyTo) {
    return replyTo == null || replyTo.startsWith(DIRECT_REPLY) ? null : replyTo;
  }

  static AMQP.BasicProperties stamp(Sandbox sandbox, AMQP.@Nullable BasicProperties properties) {
    AMQP.BasicProperties original = properties == null ? new AMQP.BasicProperties() : properties;
    Map<String, Object> headers = new HashMap<>();
    if (original.getHeaders() != null) {
      headers.putAll(original.getHeaders());
    }
    Object baggage = headers.get(Propagation.BAGGAGE);
    Propagation.inject(sandbox, baggage == null ? null : baggage.toString(), headers::put);
    AMQP.BasicProperties.Builder stamped = original.builder().headers(headers);
    if (original.getMessageId() == null) {
      stamped.messageId(sandbox.newMessageId());
    }
    return stamped.build();
  }

  private static byte[] bytes(@Nullable Object body) {
    if (body instanceof ByteBuffer buffer) {
      byte[] copy = new byte[buffer.remaining()];
      buffer.duplicate().get(copy);
      return copy;
    }
    return body instanceof byte[] array ? array : new byte[0];
  }

  private @Nullable Object inner(Method method, @Nullable Object @Nullable [] args)
      throws Throwable {
    try {
      return method.invoke(inner, args);
    } catch (InvocationTargetException thrown) {
      throw thrown.getCause();
    }
  }
}
