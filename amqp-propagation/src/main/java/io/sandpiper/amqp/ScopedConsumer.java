package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Consumer;
import com.rabbitmq.client.Envelope;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import io.sandpiper.jdbc.SandboxEndedException;
import io.sandpiper.jdbc.SandboxException;
import io.sandpiper.jdbc.UnownedAccessException;
import java.io.IOException;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * A consumer of the client itself that handles each message inside the scope of its test.
 *
 * <p>What must not reach the application is acknowledged and recorded, never rejected. What the
 * application throws goes on to the connection's exception handler, as without us.
 */
final class ScopedConsumer extends DelegatingConsumer {

  private final String queue;
  private final BiFunction<Incoming, Long, Inbound.Verdict> judge;
  private final BiConsumer<String, String> refusals;
  private final Settlements settlements;

  /** Where to acknowledge. */
  private record Registration(Channel channel, boolean autoAck) {}

  private volatile @Nullable Registration registration;

  /**
   * A consumer that is not registered yet.
   *
   * @param judge says what becomes of a message, which has a delivery tag
   * @param refusals is told the queue and why a callback was refused what it needed
   */
  ScopedConsumer(
      Consumer delegate,
      String queue,
      BiFunction<Incoming, Long, Inbound.Verdict> judge,
      BiConsumer<String, String> refusals,
      Settlements settlements) {
    super(delegate);
    this.queue = queue;
    this.judge = judge;
    this.refusals = refusals;
    this.settlements = settlements;
  }

  String queue() {
    return queue;
  }

  /** To be called before anything is delivered. */
  void registered(Channel channel, boolean autoAck) {
    registration = new Registration(channel, autoAck);
  }

  @Override
  public void handleDelivery(
      String consumerTag, Envelope envelope, AMQP.BasicProperties properties, byte[] body)
      throws IOException {
    Registration on = registration();
    Settlements.Delivery delivery = settlements.begin(on.channel(), envelope.getDeliveryTag());
    try {
      Original message = Original.of(queue, envelope, properties, body);
      Inbound.Verdict verdict = judge.apply(Incoming.of(message, on.channel()), delivery.tag());
      if (verdict instanceof Inbound.Verdict.Acknowledge) {
        acknowledge(on, delivery);
        return;
      }
      handle(
          verdict instanceof Inbound.Verdict.Handle handle ? handle.work() : null,
          () -> deliver(consumerTag, envelope, properties, message),
          refusal -> {
            refusals.accept(queue, Objects.requireNonNull(refusal.getMessage()));
            acknowledge(on, delivery);
          });
    } finally {
      settlements.end(on.channel(), delivery);
    }
  }

  /** As it was, where we have published it. */
  private void deliver(
      String consumerTag, Envelope envelope, AMQP.BasicProperties properties, Original message)
      throws IOException {
    boolean restored = message.journey() != null;
    super.handleDelivery(
        consumerTag,
        restored ? message.envelope(envelope.getDeliveryTag()) : envelope,
        restored ? message.properties() : properties,
        message.body());
  }

  private interface Callback {
    void run() throws IOException;
  }

  private interface Refused {
    void accept(SandboxException refusal) throws IOException;
  }

  private static void handle(@Nullable Work work, Callback callback, Refused refused)
      throws IOException {
    Throwable failure = null;
    try (Scope scope = work == null ? null : work.bind()) {
      callback.run();
    } catch (Throwable thrown) {
      failure = thrown;
      SandboxException refusal = SandboxException.in(thrown);
      if (!(refusal instanceof SandboxEndedException
          || refusal instanceof UnownedAccessException)) {
        throw thrown;
      }
      // Whatever became of it now would come again, and be refused again.
      refused.accept(refusal);
    } finally {
      if (work != null) {
        work.finish(failure);
      }
    }
  }

  private static void acknowledge(Registration on, Settlements.Delivery delivery)
      throws IOException {
    if (on.autoAck() || delivery.settled()) {
      return;
    }
    try {
      on.channel().basicAck(delivery.tag(), false);
    } catch (AlreadyClosedException lost) {
      // The broker delivers it once more, and it is judged again.
      return;
    }
  }

  private Registration registration() {
    Registration on = registration;
    if (on == null) {
      throw new UnknownChannelException(queue);
    }
    return on;
  }
}
