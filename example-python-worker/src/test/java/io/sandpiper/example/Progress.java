package io.sandpiper.example;

import java.io.PrintStream;
import java.util.concurrent.TimeUnit;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.TestExecutionResult.Status;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;

/** Shows how far a run is: one line that changes on a terminal, a line now and then elsewhere. */
final class Progress implements TestExecutionListener, AutoCloseable {

  private static final long MILLIS_BETWEEN_CHANGES = 100;
  private static final long MILLIS_BETWEEN_LINES = 5_000;

  private final PrintStream out;
  private final boolean terminal;
  private final String label;
  private final int tests;
  private int ended;
  private int failed;
  private long shownAt = System.nanoTime();

  Progress(PrintStream out, String label, int tests) {
    this.out = out;
    this.terminal = Boolean.getBoolean("example.terminal");
    this.label = label;
    this.tests = tests;
    show();
  }

  @Override
  public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
    if (result.getStatus() != Status.SUCCESSFUL) {
      failed++;
    }
    if (test.isTest()) {
      ended++;
      showNowAndThen();
    }
  }

  private void showNowAndThen() {
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - shownAt);
    if (millis >= (terminal ? MILLIS_BETWEEN_CHANGES : MILLIS_BETWEEN_LINES)) {
      show();
    }
  }

  private void show() {
    shownAt = System.nanoTime();
    String line =
        "%s: %d of %d%s".formatted(label, ended, tests, failed == 0 ? "" : ", failed " + failed);
    // Erases what is left of a longer line.
    out.print(terminal ? "\r" + line + "\u001b[K" : line + System.lineSeparator());
    out.flush();
  }

  @Override
  public synchronized void close() {
    if (terminal) {
      out.print("\r\u001b[K");
      out.flush();
    }
  }
}
