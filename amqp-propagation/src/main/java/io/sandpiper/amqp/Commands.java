package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Command;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Method;
import com.rabbitmq.client.ShutdownSignalException;
import com.rabbitmq.client.TrafficListener;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Follows what the connections of one factory tell the broker and are told: what is declared, sent,
 * delivered, settled, committed and returned.
 *
 * <p>The client tells its traffic listener of every command and not of the channel, and its metrics
 * collector of the channel and not of the message, one after the other on one thread: what the one
 * has told is remembered for the other.
 */
final class Commands implements TrafficListener {

  private record Delivered(AMQP.Basic.Deliver deliver, AMQP.BasicProperties properties) {}

  private final TrafficListener inner;
  private final Supplier<BrokerKey> broker;
  private final TransitCounter transits;
  private final Deliveries deliveries;
  private final Transactions transactions = new Transactions();
  private final Confirms confirms = new Confirms();
  private final Callers callers = new Callers();
  private final ThreadLocal<@Nullable Delivered> delivered = new ThreadLocal<>();
  private final ThreadLocal<@Nullable String> consumed = new ThreadLocal<>();
  private final ThreadLocal<AMQP.Basic.@Nullable Nack> nacked = new ThreadLocal<>();
  private final ThreadLocal<@Nullable Publication> published = new ThreadLocal<>();

  private Commands(TrafficListener inner, Supplier<BrokerKey> broker, Run run) {
    this.inner = inner;
    this.broker = broker;
    this.transits = TransitCounter.of(run);
    this.deliveries = Deliveries.of(run);
  }

  /**
   * Listens to the connections that a factory opens from now on; the application's own listener
   * stays.
   *
   * @param present the application's own listener
   */
  static Commands install(
      ConnectionFactory factory, TrafficListener present, Supplier<BrokerKey> broker, Run run) {
    Commands commands = new Commands(present, broker, run);
    factory.setTrafficListener(commands);
    return commands;
  }

  /** Gives a factory its own listener back. */
  void remove(ConnectionFactory factory) {
    factory.setTrafficListener(inner);
  }

  @Override
  public void write(Command command) {
    inner.write(command);
    Method method = command.getMethod();
    if (method instanceof AMQP.Basic.Publish) {
      return;
    }
    if (method instanceof AMQP.Basic.Nack nack) {
      nacked.set(nack);
    } else if (method instanceof AMQP.Basic.Consume) {
      callers.consume();
    } else if (method instanceof AMQP.Tx.Select) {
      transactions.selected();
    } else if (method instanceof AMQP.Tx.Commit) {
      transactions.committed();
    } else if (method instanceof AMQP.Tx.Rollback) {
      transactions.rolledBack();
    } else {
      Declarations.read(method, () -> transits.topology(broker.get()));
    }
  }

  @Override
  public void read(Command command) {
    inner.read(command);
    if (command.getContentHeader() instanceof AMQP.BasicProperties properties) {
      Method method = command.getMethod();
      if (method instanceof AMQP.Basic.Deliver deliver) {
        delivered.set(new Delivered(deliver, properties));
      } else if (method instanceof AMQP.Basic.Return returned) {
        returned(returned, properties);
      }
    }
  }

  private void returned(AMQP.Basic.Return returned, AMQP.BasicProperties properties) {
    String messageId = properties.getMessageId();
    Sandbox sandbox = transits.sandboxOf(returned.getRoutingKey(), properties);
    if (messageId != null && sandbox != null) {
      transits.returned(sandbox, broker.get(), messageId);
    }
  }

  /** The current thread has sent this. */
  void published(@Nullable Publication publication) {
    published.set(publication);
  }

  /** The current thread registers a consumer. */
  void consuming(String queue) {
    consumed.set(queue);
  }

  /** The test's work that has asked for the consumer that is being registered, or null. */
  @Nullable Work callerOf(Channel channel) {
    return callers.take(channel);
  }

  /** What the metrics collector is told by a method with this name. */
  void told(String name, @Nullable Object[] args) {
    if (!(args[0] instanceof Channel channel)) {
      return;
    }
    switch (name) {
      case "newChannel" -> opened(channel);
      case "basicPublish" -> sent(channel);
      case "basicPublishAck" -> confirms.confirmed(channel, tag(args), isTrue(args[2]), true);
      case "basicPublishNack" -> confirms.confirmed(channel, tag(args), isTrue(args[2]), false);
      case "basicConsume" -> consumes(channel, String.valueOf(args[1]), isTrue(args[2]));
      case "consumedMessage" -> delivered(channel, tag(args), args[2]);
      case "basicAck" ->
          deliveries.settled(channel, tag(args), isTrue(args[2]), Delivery.Settlement.ACKNOWLEDGED);
      case "basicNack" -> deliveries.settled(channel, tag(args), multiple(), settlement(args));
      case "basicReject" -> deliveries.settled(channel, tag(args), false, settlement(args));
      default -> {}
    }
  }

  private void opened(Channel channel) {
    transactions.opened(channel);
    confirms.opened(channel);
    callers.opened(channel);
    // Collectors are not told when it closes.
    channel.addShutdownListener(cause -> closed(channel, cause));
  }

  private void closed(Channel channel, ShutdownSignalException cause) {
    transactions.closed(channel);
    confirms.closed(channel, cause);
    callers.closed(channel);
    deliveries.closed(channel);
  }

  private void sent(Channel channel) {
    Publication publication = published.get();
    confirms.sent(channel, publication);
    if (publication != null) {
      published.remove();
      transactions.sent(channel, publication);
    }
  }

  private void consumes(Channel channel, String consumerTag, boolean autoAck) {
    String queue = consumed.get();
    consumed.remove();
    if (queue != null) {
      deliveries.consumes(
          channel, consumerTag, new Deliveries.Source(broker.get(), queue, autoAck));
    }
  }

  private void delivered(Channel channel, long deliveryTag, @Nullable Object consumerTag) {
    Delivered message = delivered.get();
    delivered.remove();
    if (message != null && consumerTag instanceof String tag) {
      deliveries.delivered(
          channel,
          new Deliveries.Tags(deliveryTag, tag, transactions.on(channel)),
          message.deliver(),
          message.properties());
    }
  }

  /** The collector is told of a nack without that. */
  private boolean multiple() {
    AMQP.Basic.Nack nack = nacked.get();
    nacked.remove();
    return nack != null && nack.getMultiple();
  }

  private static Delivery.Settlement settlement(@Nullable Object[] args) {
    return args.length > 2 && isTrue(args[2])
        ? Delivery.Settlement.REQUEUED
        : Delivery.Settlement.REJECTED;
  }

  private static long tag(@Nullable Object[] args) {
    return (Long) Objects.requireNonNull(args[1]);
  }

  private static boolean isTrue(@Nullable Object flag) {
    return Boolean.TRUE.equals(flag);
  }
}
