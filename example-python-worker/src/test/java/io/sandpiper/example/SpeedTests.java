package io.sandpiper.example;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/** That running tests at once pays. */
@Isolated("it measures")
class SpeedTests {

  @Test
  void tests_at_once_are_at_least_15_times_as_fast_as_one_by_one() {
    Comparison figures = Comparison.of(64, 64);

    System.out.println("64 tests, worker takes 20 ms: " + figures);
    assertThat(figures.times()).as("%s", figures).isGreaterThanOrEqualTo(15);
  }
}
