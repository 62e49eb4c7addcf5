package io.sandpiper;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Faults that a broker may cause, caused on purpose to messages of one test; its neighbours run
 * undisturbed.
 *
 * <p>Each fault happens once, to the next message that matches and is delivered to a listener of
 * this application. Those asked for the same messages happen one after the other, a message each.
 * Safe for use by several threads. The idea is Toxiproxy's, which disturbs everybody.
 */
public final class Faults {

  private final Sandbox sandbox;
  // Guarded by the sandbox's monitor.
  private final List<Planned> planned = new ArrayList<>();

  Faults(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /**
   * Begins to ask for a fault.
   *
   * @param received which message is disturbed, such as {@code received("scoring.results")}
   * @throws IllegalArgumentException where it expects a hop that is sent
   */
  public Fault on(Expectation received) {
    if (received.direction() != Hop.Direction.RECEIVED) {
      throw new IllegalArgumentException(
          "Faults happen to what is received, and this expects a hop that is %s. Name the queue by received(…)."
              .formatted(received));
    }
    return new Fault(received);
  }

  /** What happens to the message. */
  public final class Fault {

    private final Expectation received;

    private Fault(Expectation received) {
      this.received = received;
    }

    /**
     * The message is delivered so many times in all.
     *
     * @param times at least 2
     */
    public void duplicate(int times) {
      if (times < 2) {
        throw new IllegalArgumentException(
            "A message is delivered once anyway: duplicate(%d) on %s. Give at least 2."
                .formatted(times, received));
      }
      plan(
          "duplicate(%d)".formatted(times),
          true,
          delivery -> {
            for (int i = 1; i < times; i++) {
              delivery.putBack(Duration.ZERO, false);
            }
          });
    }

    /** The message is delivered so much later; messages after it overtake it. */
    public void delay(Duration delay) {
      plan("delay(%s)".formatted(delay), false, delivery -> delivery.putBack(delay, false));
    }

    /** The message is lost. */
    public void drop() {
      plan("drop()", false, delivery -> {});
    }

    /**
     * The message is handled, and then delivered again, marked as redelivered: as after a crash
     * between the handling and its acknowledgement.
     */
    public void redeliver() {
      plan("redeliver()", true, delivery -> delivery.putBack(Duration.ZERO, true));
    }

    /** The message is delivered after the next one that matches, instead of before it. */
    public void reorder() {
      Held held = new Held();
      plan("reorder()", false, held::hold);
      plan("reorder()", true, delivery -> held.release());
    }

    private void plan(String name, boolean handled, Disturbance.Act act) {
      String what = "%s of %s".formatted(name, received);
      sandbox.update(() -> planned.add(new Planned(received, new Disturbance(what, handled, act))));
    }
  }

  private record Planned(Expectation received, Disturbance disturbance) {}

  /** A message that waits for the one after it; work of the test, so that its end waits too. */
  private final class Held {

    private Disturbance.@Nullable Delivery delivery;
    private @Nullable Work waiting;

    void hold(Disturbance.Delivery held) {
      delivery = held;
      waiting = sandbox.begin("message that reorder() holds until the next one has come");
    }

    void release() {
      Disturbance.Delivery held = delivery;
      Work work = waiting;
      if (held != null) {
        held.putBack(Duration.ZERO, false);
      }
      if (work != null) {
        work.finish(null);
      }
    }
  }

  /** The first fault that is asked for such a message, which has happened then; or null. */
  @Nullable Disturbance disturb(Hop.Content content) {
    return sandbox.read(
        () -> {
          if (planned.isEmpty()) {
            return null;
          }
          Hop hop = new Hop(0, sandbox.age(), content, Attribution.SCOPE, null);
          for (Planned next : planned) {
            if (next.received().matches(hop)) {
              planned.remove(next);
              next.disturbance().begin(sandbox);
              sandbox.journal().note("fault: " + next.disturbance());
              return next.disturbance();
            }
          }
          return null;
        });
  }
}
