package io.sandpiper.benchmarks;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * P11: a row that another test holds.
 *
 * <p>One sandbox inserts a key; another inserts the same key, on the same thread, and waits for it.
 * Measured is how long it takes until an exception that names the first test reaches the caller.
 * The bar is the sandbox's {@code lock_timeout}, and a hundredth of it for the way back.
 */
final class BlockerFigure implements Figure {

  private static final String HOLDER = "RowTests.holds_the_row";
  private static final String WAITER = "RowTests.wants_the_row";
  private static final String INSERT = "INSERT INTO item (id, name) VALUES (1, 'one')";
  private static final double WAY_BACK = 1.01;

  @Override
  public String name() {
    return "P11";
  }

  @Override
  public void measure(Bench bench, Report report) throws Exception {
    try (Lab lab = bench.lab(StatementsFigure.SCHEMA)) {
      try (Lab.Opened holder = lab.open(HOLDER)) {
        execute(lab.sandboxed(), INSERT);
        // Not in the other one: a test that names the setting may have chosen the timeout itself.
        double bar = lockTimeoutSeconds(lab.sandboxed()) * WAY_BACK;
        try (Lab.Opened waiter = lab.open(WAITER)) {
          wait(lab.sandboxed(), bar, report);
        }
      }
    }
  }

  private static void wait(DataSource source, double bar, Report report) {
    long start = System.nanoTime();
    String message = failure(source);
    double seconds = (System.nanoTime() - start) / (double) TimeUnit.SECONDS.toNanos(1);
    report.say("  after %.2f s: %s".formatted(seconds, message));
    boolean named = message != null && message.contains(HOLDER);
    report.line(
        new Line(
            "P11",
            named ? String.format(Locale.ROOT, "%.2f s", seconds) : "unnamed",
            String.format(Locale.ROOT, "%.2f s", bar),
            Line.Verdict.of(named && seconds <= bar)));
  }

  private static @Nullable String failure(DataSource source) {
    try {
      execute(source, INSERT);
      return null;
    } catch (SQLException failed) {
      return failed.getMessage();
    }
  }

  private static void execute(DataSource source, String sql) throws SQLException {
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private static double lockTimeoutSeconds(DataSource source) throws SQLException {
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT extract(epoch FROM current_setting('lock_timeout')::interval)")) {
      row.next();
      return row.getDouble(1);
    }
  }
}
