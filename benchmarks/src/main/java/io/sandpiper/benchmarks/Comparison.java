package io.sandpiper.benchmarks;

import java.util.Locale;

/**
 * What a series of interleaved blocks says.
 *
 * @param ratio how many times as long as the plain side the sandbox side takes
 * @param nullRatio the same of the plain side against itself; off 1 by as much as the noise
 * @param plainNanos how long one unit of the plain side takes
 * @param extraNanos how much longer one unit of the sandbox side takes
 */
record Comparison(double ratio, double nullRatio, double plainNanos, double extraNanos) {

  private static final double NOISE = 0.03;

  /** Whether the machine was quiet enough for a judgement. */
  boolean isQuiet() {
    return Math.abs(nullRatio - 1) <= NOISE;
  }

  /** {@code ratio 1.240, plain 84.1 µs, sandbox +20.2 µs, null ratio 1.003}. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "ratio %.3f, plain %s, sandbox %s%s, null ratio %.3f",
        ratio,
        text(plainNanos),
        extraNanos < 0 ? "-" : "+",
        text(Math.abs(extraNanos)),
        nullRatio);
  }

  private static String text(double nanos) {
    return nanos < 10_000
        ? String.format(Locale.ROOT, "%.1f ns", nanos)
        : String.format(Locale.ROOT, "%.1f µs", nanos / 1000);
  }
}
