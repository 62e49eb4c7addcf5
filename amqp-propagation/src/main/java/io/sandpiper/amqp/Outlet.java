package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A channel of ours on a connection of the application, with publisher confirms: what goes out here
 * is stamped by nobody, and no transaction of the application holds it back.
 *
 * <p>Safe for use by several threads.
 */
final class Outlet {

  /** What became of a message. */
  enum Outcome {
    /** The broker has it. */
    CONFIRMED("confirmed"),
    /** No queue took it. */
    REFUSED("no queue is there, or it takes none"),
    /** The channel closed before the broker confirmed it. */
    FAILED("the connection ended before the broker confirmed it");

    private final String words;

    Outcome(String words) {
      this.words = words;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  private record Sending(String token, Consumer<Outcome> told) {}

  private final Channel channel;
  // Guarded by this.
  private final NavigableMap<Long, Sending> unconfirmed = new TreeMap<>();

  private Outlet(Channel channel) {
    this.channel = channel;
  }

  static Outlet open(Connection connection) throws IOException {
    Channel channel = OwnConnections.channel(connection);
    Outlet outlet = new Outlet(channel);
    channel.addReturnListener(message -> outlet.returned(message.getProperties().getHeaders()));
    channel.addConfirmListener(
        (tag, multiple) -> outlet.confirmed(tag, multiple, Outcome.CONFIRMED),
        (tag, multiple) -> outlet.confirmed(tag, multiple, Outcome.REFUSED));
    channel.addShutdownListener(cause -> outlet.confirmed(Long.MAX_VALUE, true, Outcome.FAILED));
    channel.confirmSelect();
    return outlet;
  }

  boolean isOpen() {
    return channel.isOpen();
  }

  /**
   * Sends a message to a queue.
   *
   * @param told what became of it; called once, by a thread that must not wait
   */
  void send(String queue, Original message, Original.Journey journey, Consumer<Outcome> told) {
    AMQP.BasicProperties properties = PutBackHeader.propertiesOf(message, journey);
    if (!publish(queue, properties, message.body(), new Sending(journey.token(), told))) {
      told.accept(Outcome.FAILED);
    }
  }

  /** Returns whether somebody else is going to tell what became of it. */
  private synchronized boolean publish(
      String queue, AMQP.BasicProperties properties, byte[] body, Sending sending) {
    long number = channel.getNextPublishSeqNo();
    unconfirmed.put(number, sending);
    try (Scope ours = OwnWork.INSTANCE.bind()) {
      channel.basicPublish("", queue, true, properties, body);
      return true;
    } catch (IOException | RuntimeException failed) {
      return unconfirmed.remove(number) == null;
    }
  }

  /** RabbitMQ confirms it afterwards; the embedded broker has refused to before. */
  private void returned(@Nullable Map<String, Object> headers) {
    PutBackHeader header = PutBackHeader.in(headers);
    if (header != null) {
      String token = header.journey().token();
      tell(unconfirmed, sending -> sending.token().equals(token), Outcome.REFUSED);
    }
  }

  private void confirmed(long number, boolean multiple, Outcome outcome) {
    tell(
        unconfirmed.subMap(multiple ? Long.MIN_VALUE : number, true, number, true),
        any -> true,
        outcome);
  }

  private void tell(
      NavigableMap<Long, Sending> candidates, Predicate<Sending> which, Outcome outcome) {
    List<Sending> told = new ArrayList<>();
    synchronized (this) {
      candidates
          .values()
          .removeIf(
              sending -> {
                boolean now = which.test(sending);
                if (now) {
                  told.add(sending);
                }
                return now;
              });
    }
    told.forEach(sending -> sending.told().accept(outcome));
  }
}
