package io.sandpiper.jdbc.frameworks;

import java.util.concurrent.Phaser;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** The two runs of one test, which wait for one another so that their steps interleave. */
final class Pair {

  private static final int LIMIT_SECONDS = 120;

  private final Phaser phaser = new Phaser(2);
  private final AtomicBoolean hasRoom = new AtomicBoolean();
  private final AtomicInteger left = new AtomicInteger();
  private final Semaphore room;

  /**
   * Makes a pair.
   *
   * @param room what the pair takes one permit of, and gives back when both have left
   */
  Pair(Semaphore room) {
    this.room = room;
  }

  /** Waits until there is room for both. */
  void begin() throws InterruptedException {
    // Both are here before either takes room, so that no room is held while one is waited for.
    meet();
    if (hasRoom.compareAndSet(false, true)) {
      room.acquire();
    }
    meet();
  }

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
    if (left.incrementAndGet() == 2) {
      room.release();
    }
  }
}
