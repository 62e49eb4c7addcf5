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

  Inbound(Run run) {
    this.run = run;
    this.putBack = PutBack.of(run);
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

  /** Judges a message; once a delivery. */
  Verdict judge(Incoming message) {
    Hop.Content content = message.content();
    if (message.journey() != null) {
      return arriveAgain(content, message.journey().token());
    }
    Disturbance disturbance = run.disturb(content);
    if (disturbance == null) {
      return arrive(content);
    }
    return disturbance.handled()
        ? handle(message, content, disturbance)
        : hide(message, content, disturbance);
  }

  private Verdict arrive(Hop.Content content) {
    Arrival arrival = run.arrive(content, "listener " + content.address());
    if (arrival instanceof Arrival.Accepted accepted) {
      return new Verdict.Handle(accepted.work());
    }
    return arrival instanceof Arrival.Refused
        ? new Verdict.Acknowledge()
        : new Verdict.HandleUnowned();
  }

  /** Its first delivery was its arrival; this one must not stand for another message's. */
  private Verdict arriveAgain(Hop.Content content, String token) {
    Sandbox sandbox = run.sandboxOf(content);
    String messageId = content.ids().messageId();
    if (sandbox != null && messageId != null) {
      sandbox.inTransit(messageId, content.address());
    }
    Verdict verdict = arrive(content);
    putBack.arrived(token, content.address());
    return verdict;
  }

  private Verdict handle(Incoming message, Hop.Content content, Disturbance disturbance) {
    Received received = message.received();
    Verdict verdict = arrive(content);
    if (verdict instanceof Verdict.Handle handle) {
      Work work = handle.work();
      work.lastly(() -> act(disturbance, received, message, work.sandbox()));
    }
    return verdict;
  }

  private Verdict hide(Incoming message, Hop.Content content, Disturbance disturbance) {
    Sandbox sandbox = run.sandboxOf(content);
    if (sandbox == null) {
      return arrive(content);
    }
    act(disturbance, message.received(), message, sandbox);
    @Nullable String messageId = content.ids().messageId();
    if (messageId != null) {
      sandbox.notInTransit(messageId, content.address());
    }
    return new Verdict.Acknowledge();
  }

  private void act(Disturbance disturbance, Received received, Incoming message, Sandbox sandbox) {
    disturbance.act(
        (delay, redelivered) ->
            putBack.putBack(
                received.redelivered(redelivered), sandbox, message.connection(), delay));
  }

  /** Records that a handler was refused what it needed, and that its message is acknowledged. */
  void refusedWork(String queue, String message) {
    run.recordRefusedWork(queue, message);
  }
}
