package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Waits for latches, in tests. */
public final class Latches {

  private Latches() {}

  /** Waits for a latch; that it does not open, or that the waiter is interrupted, is a failure. */
  public static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }

  /** Waits for a latch, whoever tells the waiter to stop. */
  public static void awaitThoughInterrupted(CountDownLatch latch) {
    while (true) {
      try {
        latch.await();
        return;
      } catch (InterruptedException again) {
        // It does not want to stop.
      }
    }
  }
}
