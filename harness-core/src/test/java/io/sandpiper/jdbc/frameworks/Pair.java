package io.sandpiper.jdbc.frameworks;

import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The two runs of one test, which wait for one another so that their steps interleave. */
final class Pair {

  private static final int LIMIT_SECONDS = 60;

  private final Phaser phaser = new Phaser(2);

  /** Waits until the other one is at this point too, or has ended. */
  void meet() throws InterruptedException {
    int phase = phaser.arrive();
    try {
      phaser.awaitAdvanceInterruptibly(phase, LIMIT_SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException alone) {
      throw new AssertionError(
          "The other run of this test did not come within %d s".formatted(LIMIT_SECONDS), alone);
    }
  }

  void leave() {
    phaser.arriveAndDeregister();
  }
}
