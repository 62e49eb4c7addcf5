package io.sandpiper.benchmarks;

import java.util.concurrent.TimeUnit;

/**
 * P10: the drop of a clone.
 *
 * <p>{@code P10} is the 99th percentile of the time from the end of a sandbox of isolation
 * DATABASE, whose clone one connection has used, until the server has no such database any more, as
 * another connection sees it that asks again and again. The next clone has been made before. The
 * end itself, which is all that a test waits for, is told beside it.
 */
final class DropFigure implements Figure {

  private static final int TIMES = 200;
  private static final double BAR = 20;

  @Override
  public String name() {
    return "P10";
  }

  @Override
  public void measure(Bench bench, Report report) throws Exception {
    double[] drops = new double[TIMES];
    double[] ends = new double[TIMES];
    try (CloneLab lab = bench.cloneLab(StatementsFigure.SCHEMA)) {
      for (int i = -TIMES / 10; i < TIMES; i++) {
        lab.awaitPrepared(0);
        Lab.Opened sandbox = lab.open();
        String database = lab.databaseOfTest();
        lab.awaitPrepared(1);
        long start = System.nanoTime();
        sandbox.close();
        ends[Math.max(i, 0)] = millis(start);
        lab.awaitGone(database);
        drops[Math.max(i, 0)] = millis(start);
      }
    }
    report.say(
        "  dropped after %.1f ms (median); the end of the sandbox took %.3f ms, at p99 %.3f ms"
            .formatted(Quantile.median(drops), Quantile.median(ends), Quantile.of(0.99, ends)));
    report.line(Line.absolute("P10", Quantile.of(0.99, drops), BAR, "ms"));
  }

  private static double millis(long start) {
    return (System.nanoTime() - start) / (double) TimeUnit.MILLISECONDS.toNanos(1);
  }
}
