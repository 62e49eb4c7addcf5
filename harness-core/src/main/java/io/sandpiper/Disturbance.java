package io.sandpiper;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What is to become of a message to which a test has asked a fault to happen; for integrations. */
public final class Disturbance {

  private final String what;
  private final boolean handled;
  private final Act act;
  private volatile @Nullable Work acting;

  Disturbance(String what, boolean handled, Act act) {
    this.what = what;
    this.handled = handled;
    this.act = act;
  }

  /** What a transport can do with a message that it has received. */
  @FunctionalInterface
  public interface Delivery {

    /**
     * Has the same message delivered once more, undisturbed; the test does not end before.
     *
     * @param delay how long after now
     * @param redelivered whether it is marked as delivered before
     */
    void putBack(Duration delay, boolean redelivered);
  }

  @FunctionalInterface
  interface Act {

    void on(Delivery delivery);
  }

  /** Whether this delivery is handled; else it is acknowledged and nobody sees it. */
  public boolean handled() {
    return handled;
  }

  /** Begins: the end of the test waits until it has acted. */
  void begin(Sandbox sandbox) {
    acting = sandbox.begin("fault: " + what);
  }

  /** Does what is to be done, once: after the handling, where it is {@link #handled()}. */
  public void act(Delivery delivery) {
    try {
      act.on(delivery);
    } finally {
      Work work = acting;
      if (work != null) {
        work.finish(null);
      }
    }
  }

  /** The fault and the messages it was asked for. */
  @Override
  public String toString() {
    return what;
  }
}
