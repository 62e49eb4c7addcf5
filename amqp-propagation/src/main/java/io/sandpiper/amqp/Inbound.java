package io.sandpiper.amqp;

import io.sandpiper.Arrival;
import io.sandpiper.Disturbance;
import io.sandpiper.Hop;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import org.jspecify.annotations.Nullable;

/**
 * Decides what becomes of each message that a consumer of this JVM is given, whichever client it
 * uses.
 */
final class Inbound {

  private final Run run;
  private final PutBack putBack;
  private final Homes homes;
  private final Forwarding forwarding;
  private final @Nullable Object consumer;

  Inbound(Run run) {
    this(run, null);
  }

  /**
   * For one consumer.
   *
   * @param consumer the listener container, by which its application context is known; or null
   */
  Inbound(Run run, @Nullable Object consumer) {
    this.run = run;
    this.putBack = PutBack.of(run);
    this.homes = Homes.of(run);
    this.forwarding = new Forwarding(run);
    this.consumer = consumer;
  }

  /** What a consumer is to do with a message. */
  sealed interface Verdict {

    /**
     * To handle it in the scope of a work, which it finishes afterwards.
     *
     * @param work the work
     */
    record Handle(Work work) implements Verdict {}

    /** To handle it as in production: it belongs to no test. */
    record HandleUnowned() implements Verdict {}

    /** To acknowledge it and show it to nobody; what there is to record has been. */
    record Acknowledge() implements Verdict {}
  }

  /**
   * Judges a message; once a delivery. Waits while a message is forwarded to another home.
   *
   * @param delivery how it is to be settled, or null where nobody knows
   * @throws NotForwardedException where that failed; its channel is closed then, so that the broker
   *     delivers it again
   */
  Verdict judge(Incoming message, @Nullable Delivery delivery) {
    Hop.Content content = message.content();
    String home = homes.elsewhere(content, consumer);
    if (home != null) {
      forward(message, content, home, delivery);
      return new Verdict.Acknowledge();
    }
    return judgeHere(message, delivery);
  }

  /** As {@link #judge}, for what is at home wherever it was asked for. */
  Verdict judgeHere(Incoming message, @Nullable Delivery delivery) {
    Hop.Content content = message.content();
    Original.Journey journey = message.journey();
    if (putBack.expects(journey)) {
      countAgain(content);
    }
    try {
      return journey != null && journey.disturbed()
          ? arrive(content, delivery)
          : disturb(message, content, delivery);
    } finally {
      putBack.arrived(journey, content.address());
    }
  }

  private void forward(
      Incoming message, Hop.Content content, String home, @Nullable Delivery delivery) {
    Sandbox sandbox = run.sandboxOf(content);
    Original original = message.received();
    Original.Journey journey = original.onward();
    if (sandbox != null && !putBack.expects(journey)) {
      putBack.expect(journey, sandbox, original.queue());
      hidden(sandbox, content, delivery);
    }
    if (!forwarding.forward(original, journey, home, message.channel())) {
      putBack.arrived(journey, original.queue());
    }
  }

  /** Its first delivery was its arrival; this one must not stand for another message's. */
  private void countAgain(Hop.Content content) {
    Sandbox sandbox = run.sandboxOf(content);
    String messageId = content.ids().messageId();
    if (sandbox != null && messageId != null) {
      sandbox.inTransit(messageId, content.address());
    }
  }

  /**
   * Judges a message that is where it belongs, and to which no fault happens.
   *
   * @param delivery how it is to be settled, or null where nobody knows
   */
  Verdict arrive(Hop.Content content, @Nullable Delivery delivery) {
    Sandbox sandbox = delivery == null ? null : run.sandboxOf(content);
    if (delivery != null && sandbox != null) {
      delivery.arrives(sandbox, content.address());
    }
    Arrival arrival = run.arrive(content, "listener " + content.address());
    if (arrival instanceof Arrival.Accepted accepted) {
      if (delivery != null) {
        delivery.begins(accepted.work());
      }
      return new Verdict.Handle(accepted.work());
    }
    return arrival instanceof Arrival.Refused
        ? new Verdict.Acknowledge()
        : new Verdict.HandleUnowned();
  }

  private Verdict disturb(Incoming message, Hop.Content content, @Nullable Delivery delivery) {
    Disturbance disturbance = run.disturb(content);
    Sandbox sandbox = disturbance == null ? null : run.sandboxOf(content);
    if (disturbance == null || sandbox == null) {
      return arrive(content, delivery);
    }
    Original original = message.received();
    Runnable act =
        () ->
            disturbance.act(
                (delay, redelivered) ->
                    putBack.putBack(
                        original.redelivered(redelivered),
                        sandbox,
                        message.channel().getConnection(),
                        delay));
    if (!disturbance.handled()) {
      act.run();
      hidden(sandbox, content, delivery);
      return new Verdict.Acknowledge();
    }
    Verdict verdict = arrive(content, delivery);
    if (verdict instanceof Verdict.Handle handle) {
      handle.work().lastly(failure -> act.run());
    }
    return verdict;
  }

  /**
   * It has come, and nobody sees it: what is still to come of it has a name of its own. A delivery
   * that is to be settled says so itself when it is.
   */
  private static void hidden(Sandbox sandbox, Hop.Content content, @Nullable Delivery delivery) {
    String messageId = content.ids().messageId();
    if (delivery == null && messageId != null) {
      sandbox.notInTransit(messageId, content.address());
    }
  }

  /** Records that a handler was refused what it needed, and that its message is acknowledged. */
  void refusedWork(String queue, String message) {
    run.recordRefusedWork(queue, message);
  }
}
