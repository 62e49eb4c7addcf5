package io.sandpiper.benchmarks;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;

/**
 * P9: a clone taken from the prepared ones, and a test's work on it.
 *
 * <p>{@code P9a} is the 99th percentile of the time from asking the DataSource for a connection, in
 * a fresh sandbox of isolation DATABASE, until a statement is made on it, which takes the clone;
 * before each, the clones made ahead are waited for, and the drop of the one before. {@code P9b} is
 * the ratio of the medians of the first six statements of {@link StatementsFigure}, in one
 * transaction, on such a clone and on a connection just opened to the database that it was cloned
 * from; opening the connections is left out on both sides, because a clone comes with one. A plain
 * side before and one after each clone give the null ratio.
 */
final class CloneFigure implements Figure {

  private static final int TIMES = 200;
  private static final double TAKE_BAR = 100;
  private static final double WORK_BAR = 1.5;

  @Override
  public String name() {
    return "P9";
  }

  @Override
  public void measure(Bench bench, Report report) throws Exception {
    double[] takes = new double[TIMES];
    double[] works = new double[TIMES];
    double[] plains = new double[TIMES];
    double[] plainsAgain = new double[TIMES];
    try (CloneLab lab = bench.cloneLab(StatementsFigure.SCHEMA)) {
      for (int i = -TIMES / 10; i < TIMES; i++) {
        lab.awaitPrepared(0);
        int at = Math.max(i, 0);
        plains[at] = onFreshConnection(lab);
        String clone;
        try (Lab.Opened sandbox = lab.open()) {
          takes[at] = take(lab.sandboxed());
          works[at] = work(lab.sandboxed());
          clone = lab.databaseOfTest();
        }
        lab.awaitGone(clone);
        lab.awaitPrepared(0);
        plainsAgain[at] = onFreshConnection(lab);
      }
    }
    report.say(
        "  taken in %.1f µs (median); work on a clone %.1f µs, on a fresh connection %.1f µs"
            .formatted(Quantile.median(takes), Quantile.median(works), Quantile.median(plains)));
    report.line(Line.absolute("P9a", Quantile.of(0.99, takes), TAKE_BAR, "µs"));
    double plain = Quantile.median(plains);
    double ratio = Quantile.median(works) / plain;
    double same = Quantile.median(plainsAgain) / plain;
    report.line(Line.ratio("P9b", new Comparison(ratio, same, 0, 0), WORK_BAR));
  }

  private static double onFreshConnection(CloneLab lab) throws SQLException {
    try (Connection fresh = lab.connect()) {
      return work(new SingleConnection(fresh));
    }
  }

  private static double take(DataSource source) throws SQLException {
    long start = System.nanoTime();
    try (Connection connection = source.getConnection()) {
      connection.createStatement().close();
      return micros(start);
    }
  }

  private static double work(DataSource source) throws SQLException {
    long start = System.nanoTime();
    StatementsFigure.inTransaction(source);
    return micros(start);
  }

  private static double micros(long start) {
    return (System.nanoTime() - start) / (double) TimeUnit.MICROSECONDS.toNanos(1);
  }
}
