package io.sandpiper.benchmarks;

import java.util.Locale;

/**
 * One line of the result: {@code P1 1.243 bar 1.30 ok}, {@code P6 31 ns bar 50 ns ok}.
 *
 * @param figure its name in the design's table, with a letter where a figure has several bars
 * @param value what was measured, with its unit
 * @param bar what it may be at most
 * @param verdict how they compare
 */
record Line(String figure, String value, String bar, Verdict verdict) {

  /** How a figure stands. */
  enum Verdict {
    /** It keeps its bar. */
    OK,
    /** It does not. */
    SHORT,
    /** The machine was too busy to say. */
    NOISY;

    static Verdict of(boolean kept) {
      return kept ? OK : SHORT;
    }
  }

  /** A ratio, judged as it is printed. */
  static Line ratio(String figure, Comparison comparison, double bar) {
    double rounded = Math.round(comparison.ratio() * 1000) / 1000.0;
    return new Line(
            figure,
            String.format(Locale.ROOT, "%.3f", rounded),
            String.format(Locale.ROOT, "%.2f", bar),
            Verdict.of(rounded <= bar))
        .judged(comparison.isQuiet());
  }

  /** A figure in a unit of its own, with as many digits as matter beside the bar. */
  static Line absolute(String figure, double value, double bar, String unit) {
    String digits = value < 10 && value != Math.rint(value) ? "%.1f %s" : "%.0f %s";
    return new Line(
        figure,
        String.format(Locale.ROOT, digits, value, unit),
        String.format(Locale.ROOT, "%.0f %s", bar, unit),
        Verdict.of(value <= bar));
  }

  Line judged(boolean quiet) {
    return quiet ? this : new Line(figure, value, bar, Verdict.NOISY);
  }

  @Override
  public String toString() {
    return "%s %s bar %s %s".formatted(figure, value, bar, verdict.name().toLowerCase(Locale.ROOT));
  }
}
