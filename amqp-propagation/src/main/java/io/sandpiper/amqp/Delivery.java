package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A message that a consumer was given and that has to be settled.
 *
 * <p>From the begin of its handling until it is settled it is in transit again to wherever it gets
 * if the handling fails: its own queue, and those that it would be dead-lettered into. These are
 * counted before, because a redelivery may be faster than what tells of the settlement. Safe for
 * use by several threads.
 */
final class Delivery {

  /** What the broker was told to do with a message. */
  enum Settlement {
    ACKNOWLEDGED,
    REJECTED,
    REQUEUED
  }

  private final TransitCounter transits;
  private final BrokerKey broker;
  private final String queue;
  private final boolean transacted;
  private final AMQP.Basic.Deliver deliver;
  private final AMQP.BasicProperties properties;

  // Guarded by this.
  private final List<Work> works = new ArrayList<>();
  private final List<String> elsewhere = new ArrayList<>();
  private @Nullable Sandbox sandbox;
  private boolean mayComeAgain;
  private boolean untilSettled;
  private boolean settledByApplication;
  private boolean failed;
  private boolean settled;
  private boolean stale;

  Delivery(
      TransitCounter transits,
      Deliveries.Source source,
      boolean transacted,
      AMQP.Basic.Deliver deliver,
      AMQP.BasicProperties properties) {
    this.transits = transits;
    this.broker = source.broker();
    this.queue = source.queue();
    this.transacted = transacted;
    this.deliver = deliver;
    this.properties = properties;
  }

  /**
   * Says that nobody but the application settles it, some time or never: where it has not when its
   * handler has returned, that is not waited for.
   */
  synchronized void settledByApplication() {
    settledByApplication = true;
  }

  /**
   * It arrives; to be called before that is recorded. If its channel is closed the broker delivers
   * it again, and that is what is in transit.
   *
   * @param address the queue that it is recorded to arrive at: of a message that was forwarded not
   *     the one that it came from
   */
  synchronized void arrives(Sandbox test, String address) {
    if (properties.getMessageId() == null) {
      return;
    }
    if (stale) {
      transits.again(test, broker, messageId(), queue);
    }
    if (!address.equals(queue)) {
      test.notInTransit(messageId(), queue);
    }
  }

  /** Its handling begins; to be called before the handler is. */
  void begins(Work work) {
    begun(work);
    work.lastly(failure -> ended(work, failure));
  }

  private synchronized void begun(Work work) {
    if (settled) {
      return;
    }
    works.add(work);
    Attempts attempts = Attempts.in(work.sandbox());
    if (properties.getMessageId() == null || attempts == null) {
      return;
    }
    if (sandbox == null) {
      sandbox = work.sandbox();
      untilSettled = transacted || attempts.failed(of()) > 0;
    }
    // A message may be a batch, each part of which is handled on its own.
    if (!mayComeAgain) {
      count(work.sandbox());
    }
  }

  private void count(Sandbox test) {
    mayComeAgain = true;
    transits.again(test, broker, messageId(), queue);
    for (String other : transits.ifRejected(test, broker, queue, sending())) {
      elsewhere.add(other);
      transits.again(test, broker, messageId(), other);
    }
  }

  private synchronized void ended(Work work, @Nullable Throwable failure) {
    if (failure != null) {
      failed(List.of(work));
      Attempts attempts = Attempts.in(work.sandbox());
      if (attempts != null && properties.getMessageId() != null) {
        attempts.superseded(of(), works);
      }
    }
    if (!settled && (settledByApplication || !(failed || untilSettled))) {
      notAgain();
      notElsewhere();
    }
  }

  /** The broker was told. */
  synchronized void settled(Settlement settlement) {
    if (settled) {
      return;
    }
    settled = true;
    if (settlement == Settlement.ACKNOWLEDGED) {
      acknowledged();
    } else {
      if (settlement == Settlement.REJECTED) {
        notAgain();
      } else {
        kept();
        notElsewhere();
      }
      failed(works);
    }
  }

  private void acknowledged() {
    Sandbox test = sandbox;
    if (test == null) {
      neverHandled();
      return;
    }
    Attempts attempts = failed ? null : Attempts.in(test);
    if (attempts != null) {
      attempts.forgive(of());
    }
    // After that: the test may end at once.
    notAgain();
    notElsewhere();
  }

  /** It was acknowledged, so that it is not on its way any more. */
  private void neverHandled() {
    if (works.isEmpty() && properties.getMessageId() != null) {
      Sandbox test = transits.sandboxOf(queue, properties);
      if (test != null) {
        test.notInTransit(messageId(), queue);
      }
    }
  }

  /** Its channel is closed: the broker delivers it again. */
  synchronized void channelClosed() {
    if (!settled) {
      settled = true;
      stale = true;
      notElsewhere();
      kept();
    }
  }

  private void kept() {
    Sandbox test = sandbox == null ? transits.sandboxOf(queue, properties) : sandbox;
    if (test != null) {
      transits.kept(test, properties);
    }
  }

  private void failed(List<Work> all) {
    Attempts attempts = sandbox == null ? null : Attempts.in(sandbox);
    if (attempts == null) {
      return;
    }
    if (!failed) {
      failed = true;
      attempts.deliveryFailed(of());
    }
    all.forEach(work -> attempts.workFailed(of(), work));
    if (!attempts.worthWaiting(of())) {
      notAgain();
      if (elsewhere.remove(queue)) {
        test().notInTransit(messageId(), queue);
      }
    }
  }

  private void notAgain() {
    if (mayComeAgain) {
      mayComeAgain = false;
      test().notInTransit(messageId(), queue);
    }
  }

  private void notElsewhere() {
    elsewhere.forEach(other -> test().notInTransit(messageId(), other));
    elsewhere.clear();
  }

  private Destinations.Sending sending() {
    return new Destinations.Sending(
        deliver.getExchange(),
        deliver.getRoutingKey(),
        TransitCounter.headers(properties),
        properties.getExpiration());
  }

  private Attempts.Of of() {
    return new Attempts.Of(broker, messageId(), queue);
  }

  private String messageId() {
    return Objects.requireNonNull(properties.getMessageId(), "the message id");
  }

  private Sandbox test() {
    return Objects.requireNonNull(sandbox, "the test of a delivery that is handled");
  }
}
