package io.sandpiper.benchmarks;

import java.util.Arrays;

/** The values below which a share of measurements lies. */
final class Quantile {

  private Quantile() {}

  static double median(double... values) {
    return of(0.5, values);
  }

  /** The smallest measurement that at least this share of all does not exceed; halves are split. */
  static double of(double share, double... values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    double at = (sorted.length - 1) * share;
    int below = (int) Math.floor(at);
    int above = (int) Math.ceil(at);
    return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
  }
}
