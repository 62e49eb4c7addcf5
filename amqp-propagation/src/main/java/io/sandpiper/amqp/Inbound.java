package io.sandpiper.amqp;

import io.sandpiper.Arrival;
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

  Inbound(Run run) {
    this.run = run;
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
   * Judges a message; once a delivery.
   *
   * @param delivery how it is to be settled, or null where nobody knows
   */
  Verdict judge(Hop.Content content, @Nullable Delivery delivery) {
    Sandbox sandbox = delivery == null ? null : run.sandboxOf(content);
    if (delivery != null && sandbox != null) {
      delivery.arrives(sandbox);
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

  /** Records that a handler was refused what it needed, and that its message is acknowledged. */
  void refusedWork(String queue, String message) {
    run.recordRefusedWork(queue, message);
  }
}
