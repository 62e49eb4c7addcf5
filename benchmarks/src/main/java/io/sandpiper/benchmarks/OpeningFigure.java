package io.sandpiper.benchmarks;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;

/**
 * P1: opening and ending a TRANSACTION sandbox against a bare {@code BEGIN}, {@code ROLLBACK}.
 *
 * <p>The sandbox side is a sandbox's whole life: it is opened and bound, a connection is fetched
 * from its DataSource, a statement is made on it, which opens the transaction, and not executed,
 * the connection is closed, the sandbox is ended by its run. The plain side fetches the same
 * connection from HikariCP and sends {@code BEGIN} and {@code ROLLBACK} as two statements. Not
 * measured: JUnit and Spring.
 *
 * <p>{@code P1b} counts the round trips of that on the wire, {@code P1c} the bytes that a sandbox
 * sends in which connections are fetched, configured and closed, and no statement is executed.
 */
final class OpeningFigure implements Figure {

  private static final double BAR = 1.30;
  private static final int ROUND_TRIPS = 2;
  private static final Blocks BLOCKS = new Blocks(300, 60, 30);

  @Override
  public String name() {
    return "P1";
  }

  @Override
  public void measure(Bench bench, Report report) throws Exception {
    try (Lab lab = bench.lab("")) {
      report.line(
          Line.ratio(
              "P1",
              report.quiet(
                  "open and end",
                  BLOCKS,
                  () -> bare(lab.production(), "BEGIN", "ROLLBACK"),
                  () -> lab.inSandbox(OpeningFigure::openTransaction)),
              BAR));
      report.quiet(
          "the same with one SELECT 1 in it",
          BLOCKS,
          () -> bare(lab.production(), "BEGIN", "SELECT 1", "ROLLBACK"),
          () -> lab.inSandbox(source -> bare(source, "SELECT 1")));
      lab.theOneConnection();
    }
    Tap tap = new Tap();
    try (Lab lab = bench.lab("", tap)) {
      report.line(Line.absolute("P1b", roundTrips(lab, tap, report), ROUND_TRIPS, "round trips"));
      report.line(Line.absolute("P1c", bytesWithoutSql(lab, tap), 0, "bytes without SQL"));
    }
  }

  /** A statement that is made and not executed is what opens a sandbox and sends nothing else. */
  private static void openTransaction(DataSource source) throws SQLException {
    bare(source);
  }

  private static void bare(DataSource source, String... statements) throws SQLException {
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  private static long roundTrips(Lab lab, Tap tap, Report report) throws SQLException {
    long before = tap.roundTrips();
    long opened;
    try (Lab.Opened sandbox = lab.open()) {
      openTransaction(lab.sandboxed());
      opened = tap.roundTrips();
    }
    long ended = tap.roundTrips();
    if (opened == before) {
      throw new IllegalStateException("The sandbox's transaction was not opened by a statement");
    }
    report.say("  opening: %d round trips, end: %d".formatted(opened - before, ended - opened));
    return ended - before;
  }

  private static long bytesWithoutSql(Lab lab, Tap tap) throws SQLException {
    long before = tap.bytes();
    lab.inSandbox(OpeningFigure::noSql);
    return tap.bytes() - before;
  }

  /** What containers and health checks do all the time. */
  private static void noSql(DataSource source) throws SQLException {
    try (Connection connection = source.getConnection()) {
      connection.setReadOnly(true);
      connection.setAutoCommit(false);
      connection.isValid(1);
      connection.commit();
      connection.setAutoCommit(true);
    }
  }
}
