package io.sandpiper.benchmarks;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** What a run says: its results on one stream, its progress on another. */
final class Report {

  private static final int ATTEMPTS = 5;

  private final PrintStream results;
  private final PrintStream progress;
  private final List<Line> lines = new ArrayList<>();

  Report(PrintStream results, PrintStream progress) {
    this.results = results;
    this.progress = progress;
  }

  void line(Line line) {
    lines.add(line);
    results.println(line);
  }

  void say(String text) {
    progress.println(text);
  }

  /** Compares, and again where the machine was busy meanwhile. */
  Comparison quiet(String what, Blocks blocks, Side plain, Side sandbox) throws Exception {
    return quiet(what, () -> blocks.compare(plain, sandbox));
  }

  Comparison quiet(String what, Callable<Comparison> series) throws Exception {
    for (int attempt = 1; true; attempt++) {
      Comparison comparison = series.call();
      say("  %s: %s".formatted(what, comparison));
      if (comparison.isQuiet() || attempt == ATTEMPTS) {
        return comparison;
      }
      say("  noisy, attempt %d of %d".formatted(attempt, ATTEMPTS));
    }
  }

  List<Line> lines() {
    return List.copyOf(lines);
  }

  boolean allOk() {
    return lines.stream().allMatch(line -> line.verdict() == Line.Verdict.OK);
  }
}
