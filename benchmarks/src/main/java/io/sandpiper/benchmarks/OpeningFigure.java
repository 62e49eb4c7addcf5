package io.sandpiper.benchmarks;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;

/**
 * P1: opening and ending a TRANSACTION sandbox against a bare {@code BEGIN}, {@code ROLLBACK}.
 *
 * <p>A sandbox begins with its first statement, so the sandbox side has one: it is opened and
 * bound, a connection is fetched from its DataSource, {@code SELECT 1} is executed on it, the
 * connection is closed, the sandbox is ended by its run. The plain side fetches the same connection
 * from HikariCP and sends {@code BEGIN} and {@code ROLLBACK} and nothing else, so the statement is
 * counted against the sandbox. What the ratio is with the statement on both sides, where pgjdbc
 * lets the BEGIN ride with it, is told beside it. Not measured: JUnit and Spring.
 *
 * <p>{@code P1b} counts the round trips of such a sandbox on the wire, {@code P1c} the bytes that a
 * sandbox sends in which connections are fetched, configured and closed, and no statement is
 * executed.
 */
final class OpeningFigure implements Figure {

  private static final String TRIVIAL = "SELECT 1";
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
      Side sandbox = () -> lab.inSandbox(source -> execute(source, TRIVIAL));
      report.line(
          Line.ratio(
              "P1",
              report.quiet(
                  "against BEGIN, ROLLBACK",
                  BLOCKS,
                  () -> execute(lab.production(), "BEGIN", "ROLLBACK"),
                  sandbox),
              BAR));
      report.quiet(
          "against BEGIN with the statement, ROLLBACK",
          BLOCKS,
          () -> rolledBack(lab.production()),
          sandbox);
      lab.theOneConnection();
    }
    Tap tap = new Tap();
    try (Lab lab = bench.lab("", tap)) {
      report.line(Line.absolute("P1b", roundTrips(lab, tap, report), ROUND_TRIPS, "round trips"));
      report.line(Line.absolute("P1c", bytesWithoutSql(lab, tap), 0, "bytes without SQL"));
    }
  }

  private static void execute(DataSource source, String... statements) throws SQLException {
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  private static void rolledBack(DataSource source) throws SQLException {
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement()) {
      connection.setAutoCommit(false);
      statement.execute(TRIVIAL);
      connection.rollback();
      connection.setAutoCommit(true);
    }
  }

  private static long roundTrips(Lab lab, Tap tap, Report report) throws SQLException {
    long before = tap.roundTrips();
    long used;
    try (Lab.Opened sandbox = lab.open()) {
      execute(lab.sandboxed(), TRIVIAL);
      used = tap.roundTrips();
    }
    long ended = tap.roundTrips();
    report.say(
        "  opening with the statement: %d round trips, end: %d"
            .formatted(used - before, ended - used));
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
