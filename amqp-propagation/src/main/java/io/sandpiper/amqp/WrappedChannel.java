package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.GetResponse;
import io.sandpiper.Run;
import io.sandpiper.Work;
import java.io.IOException;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A channel that stamps what it publishes and scopes what it consumes. */
final class WrappedChannel extends Wrapped {

  private final Channel channel;
  private final Traffic traffic;

  WrappedChannel(Run run, Channel channel) {
    super(run, channel);
    this.channel = channel;
    this.traffic = new Traffic(run, () -> BrokerKey.of(channel.getConnection()));
  }

  @Override
  @Nullable Object call(Method method, @Nullable Object[] args) throws Throwable {
    return switch (method.getName()) {
      case "basicPublish" -> publish(method, args.clone());
      case "basicConsume" -> consume(new ConsumeCall(method, args));
      case "basicGet" -> get((String) Objects.requireNonNull(args[0]), flag(args, 1));
      case "basicAck" -> settle(method, args, flag(args, 1));
      case "basicNack", "basicReject" -> settle(method, args, false);
      default -> super.call(method, args);
    };
  }

  private @Nullable Object publish(Method method, @Nullable Object[] args) throws Throwable {
    if (!(args[0] instanceof String exchange && args[1] instanceof String routingKey)) {
      // The client says what is wrong with it.
      return super.call(method, args);
    }
    int properties = List.of(method.getParameterTypes()).indexOf(AMQP.BasicProperties.class);
    traffic
        .stamping()
        .publish(
            exchange,
            routingKey,
            (AMQP.BasicProperties) args[properties],
            args[properties + 1],
            stamped -> {
              args[properties] = stamped;
              super.call(method, args);
            });
    return null;
  }

  private String consume(ConsumeCall call) throws IOException {
    CountedConsumer counted = traffic.consumer(call.queue(), call.consumer(), call.consumer());
    counted.on(channel, call.autoAck(), Work.current());
    String tag =
        channel.basicConsume(
            call.queue(),
            call.autoAck(),
            call.tag(),
            call.noLocal(),
            call.exclusive(),
            call.arguments(),
            counted);
    counted.joined();
    return tag;
  }

  private @Nullable GetResponse get(String queue, boolean autoAck) throws IOException {
    GetResponse kept = autoAck ? traffic.polling().kept(queue) : null;
    if (kept != null) {
      return kept;
    }
    Polling.Source source = new Polling.Source(channel, queue, autoAck);
    GetResponse first = source.next();
    return first == null ? null : traffic.polling().find(source, first);
  }

  private @Nullable Object settle(Method method, @Nullable Object[] args, boolean multiple)
      throws Throwable {
    Object result = super.call(method, args);
    traffic.settlements().settled(channel, (Long) Objects.requireNonNull(args[0]), multiple);
    return result;
  }

  private static boolean flag(@Nullable Object[] args, int index) {
    return Boolean.TRUE.equals(args[index]);
  }
}
