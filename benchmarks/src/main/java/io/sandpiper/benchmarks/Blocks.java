package io.sandpiper.benchmarks;

import java.util.function.LongSupplier;

/**
 * A series of rounds, each of three short blocks in a row: plain, sandbox, plain again.
 *
 * <p>Whatever changes slowly (the clock of the processor, other programs, the size of a table) is
 * the same for the blocks of one round, so the ratio within a round means something where times do
 * not. The order rotates from round to round, so that no block is always the first. The second
 * plain block against the first is the null ratio: identical work, so whatever it is off 1 is
 * noise. The result is the median of the rounds.
 *
 * @param rounds how many rounds count
 * @param warmUp how many rounds before them do not
 * @param units how many units of work a block has
 */
record Blocks(int rounds, int warmUp, int units) {

  /** Not measured: the first ones of a block meet caches that the block before has filled. */
  private static final int FIRST = 2;

  private static final int PLAIN = 0;
  private static final int SANDBOX = 1;
  private static final int PLAIN_AGAIN = 2;

  Comparison compare(Side plain, Side sandbox) throws Exception {
    return compare(plain, sandbox, System::nanoTime);
  }

  Comparison compare(Side plain, Side sandbox, LongSupplier clock) throws Exception {
    Side[] sides = {plain, sandbox, plain};
    double[] ratios = new double[rounds];
    double[] nulls = new double[rounds];
    double[] plains = new double[rounds];
    double[] extras = new double[rounds];
    for (int round = -warmUp; round < rounds; round++) {
      double[] nanos = round(sides, Math.floorMod(round, sides.length), clock);
      if (round >= 0) {
        double mean = (nanos[PLAIN] + nanos[PLAIN_AGAIN]) / 2;
        ratios[round] = nanos[SANDBOX] / mean;
        nulls[round] = nanos[PLAIN_AGAIN] / nanos[PLAIN];
        plains[round] = mean / units;
        extras[round] = (nanos[SANDBOX] - mean) / units;
      }
    }
    return new Comparison(
        Quantile.median(ratios),
        Quantile.median(nulls),
        Quantile.median(plains),
        Quantile.median(extras));
  }

  private double[] round(Side[] sides, int first, LongSupplier clock) throws Exception {
    double[] nanos = new double[sides.length];
    for (int i = 0; i < sides.length; i++) {
      int side = (first + i) % sides.length;
      nanos[side] = block(sides[side], clock);
    }
    return nanos;
  }

  private long block(Side side, LongSupplier clock) throws Exception {
    side.before();
    try {
      for (int i = 0; i < FIRST; i++) {
        side.unit();
      }
      long start = clock.getAsLong();
      for (int i = 0; i < units; i++) {
        side.unit();
      }
      return clock.getAsLong() - start;
    } finally {
      side.after();
    }
  }
}
