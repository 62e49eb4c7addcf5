package io.sandpiper.benchmarks.soak;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The short form of {@code benchmarks/soak}. */
class SoakTests {

  private static final long SEED = Long.getLong("soak.seed", System.nanoTime());

  @Test
  @Timeout(180)
  void two_jvms_on_one_set_of_queues_lose_and_cross_nothing() throws Exception {
    Soak.Result result = new Soak(1000, 32, 2, SEED).run();
    assertThat(result.ok()).as("%s (-Dsoak.seed=%d)", result, SEED).isTrue();
    assertThat(result.tally().trips).hasValueGreaterThanOrEqualTo(1000);
    assertThat(result.cuts()).isPositive();
  }
}
