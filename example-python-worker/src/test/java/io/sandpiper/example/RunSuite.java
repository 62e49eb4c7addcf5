package io.sandpiper.example;

import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Runs the end-to-end suite in this JVM and says how it went; for the script {@code run}. */
final class RunSuite {

  private final PrintStream out;
  private final int tests;
  private final int parallel;

  private RunSuite(PrintStream out, int tests, int parallel) {
    this.out = out;
    this.tests = tests;
    this.parallel = parallel;
  }

  /** Arguments: how many tests, how many of them at once, and whether to compare. */
  public static void main(String[] arguments) {
    RunSuite suite =
        new RunSuite(System.out, Integer.parseInt(arguments[0]), Integer.parseInt(arguments[1]));
    boolean passed = Boolean.parseBoolean(arguments[2]) ? suite.compare() : suite.runOnce();
    // Exits whatever threads a failed start may have left behind.
    System.exit(passed ? 0 : 1);
  }

  private boolean runOnce() {
    if (!startsUp()) {
      return false;
    }
    InnerRun run = run("tests", tests, parallel);
    report(run);
    return run.failures().isEmpty();
  }

  /** The suite itself, and then tests that each wait for one round trip, both ways. */
  private boolean compare() {
    if (!runOnce()) {
      return false;
    }
    out.println(Comparison.of(tests, parallel));
    return true;
  }

  /** Starts servers, service and worker, which are no part of the time that the tests take. */
  private boolean startsUp() {
    InnerRun first = run("starting up", 1, 1);
    if (first.failures().isEmpty()) {
      return true;
    }
    report(first);
    return false;
  }

  private InnerRun run(String label, int count, int atOnce) {
    try (Progress progress = new Progress(out, label, count)) {
      return InnerRun.of(
          ScoringTests.class,
          Math.min(count, atOnce),
          Map.of("example.tests", String.valueOf(count)),
          progress);
    }
  }

  private void report(InnerRun run) {
    list(run.failures());
    out.println(
        text(
            "tests %d passed %d failed %d wall %.2f s",
            run.passed() + run.failures().size(),
            run.passed(),
            run.failures().size(),
            seconds(run.wall())));
  }

  private void list(List<InnerRun.Failure> failures) {
    for (InnerRun.Failure failure : failures) {
      out.println(text("FAILED %s", failure.name()));
      failure.cause().toString().strip().lines().forEach(line -> out.println("    " + line));
      // What keeps a service from starting is at the end of a chain.
      for (Throwable cause = failure.cause().getCause(); cause != null; cause = cause.getCause()) {
        out.println("    caused by " + cause.toString().lines().findFirst().orElse(""));
      }
    }
  }

  private static double seconds(Duration duration) {
    return duration.toNanos() / 1e9;
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
