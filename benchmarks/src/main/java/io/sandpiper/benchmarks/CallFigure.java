package io.sandpiper.benchmarks;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.jdbc.PgConnection;

/**
 * P6: what a sandbox adds to one JDBC call that does not reach the server, its lock included.
 *
 * <p>The same call is made on the object that a sandbox gives and on pgjdbc's own of the same
 * connection: a parameter set, a step through rows that are in memory, a column read as a number
 * and as a text. The figure is the dearest of them.
 *
 * <p>Also measured, without a bar: what a sandbox adds to {@code executeUpdate} of an autocommit
 * statement, where the server's answers come from memory, so that it is lease, lock, journal and
 * pgjdbc's own work on the savepoint, which is shown beside it.
 */
final class CallFigure implements Figure {

  private static final double BAR = 50;
  private static final int ROWS = 500;
  private static final Blocks CALLS = new Blocks(300, 100, 40);
  private static final Blocks EXECUTIONS = new Blocks(300, 100, 200);

  /** Keeps results from being optimised away. */
  private volatile long sink;

  @Override
  public String name() {
    return "P6";
  }

  @Override
  public void measure(Bench bench, Report report) throws Exception {
    try (Lab lab = bench.lab(StatementsFigure.SCHEMA);
        Lab.Opened sandbox = lab.open()) {
      calls(lab, report);
    }
    Tap tap = new Tap();
    try (Lab lab = bench.lab(StatementsFigure.SCHEMA, tap);
        Lab.Opened sandbox = lab.open()) {
      executions(lab, tap, report);
    }
  }

  private void calls(Lab lab, Report report) throws Exception {
    try (Connection handle = lab.sandboxed().getConnection()) {
      handle.setAutoCommit(false);
      Connection raw = lab.theOneConnection();
      double dearest = 0;
      boolean quiet = true;
      for (Call call : Call.values()) {
        try (PreparedStatement plain = call.statement(raw);
            PreparedStatement wrapped = call.statement(handle);
            ResultSet plainRows = plain.executeQuery();
            ResultSet wrappedRows = wrapped.executeQuery()) {
          Comparison comparison =
              report.quiet(
                  "%d × %s".formatted(ROWS, call),
                  CALLS,
                  () -> sink += call.repeat(plain, plainRows),
                  () -> sink += call.repeat(wrapped, wrappedRows));
          dearest = Math.max(dearest, comparison.extraNanos() / ROWS);
          quiet &= comparison.isQuiet();
          report.say("  %s: +%.1f ns".formatted(call, comparison.extraNanos() / ROWS));
        }
      }
      report.line(Line.absolute("P6", dearest, BAR, "ns").judged(quiet));
    }
  }

  /** A call that does not reach the server. */
  private enum Call {
    SET_INT {
      @Override
      long repeat(PreparedStatement statement, ResultSet rows) throws SQLException {
        for (int i = 0; i < ROWS; i++) {
          statement.setInt(1, i);
        }
        return 0;
      }
    },
    NEXT {
      @Override
      long repeat(PreparedStatement statement, ResultSet rows) throws SQLException {
        rows.beforeFirst();
        long count = 0;
        while (rows.next()) {
          count++;
        }
        return count;
      }
    },
    GET_INT {
      @Override
      long repeat(PreparedStatement statement, ResultSet rows) throws SQLException {
        rows.absolute(1);
        long sum = 0;
        for (int i = 0; i < ROWS; i++) {
          sum += rows.getInt(1);
        }
        return sum;
      }
    },
    GET_STRING {
      @Override
      long repeat(PreparedStatement statement, ResultSet rows) throws SQLException {
        rows.absolute(1);
        long sum = 0;
        for (int i = 0; i < ROWS; i++) {
          sum += rows.getString(2).length();
        }
        return sum;
      }
    };

    abstract long repeat(PreparedStatement statement, ResultSet rows) throws SQLException;

    PreparedStatement statement(Connection connection) throws SQLException {
      PreparedStatement statement =
          connection.prepareStatement(
              "SELECT n, 'name ' || n FROM generate_series(1, ?) n",
              ResultSet.TYPE_SCROLL_INSENSITIVE,
              ResultSet.CONCUR_READ_ONLY);
      statement.setInt(1, ROWS);
      return statement;
    }
  }

  private void executions(Lab lab, Tap tap, Report report) throws Exception {
    try (Connection handle = lab.sandboxed().getConnection()) {
      try (Statement insert = handle.createStatement()) {
        insert.executeUpdate("INSERT INTO item (id, name) VALUES (1, 'one')");
      }
      PgConnection raw = lab.theOneConnection();
      String sql = "UPDATE item SET name = ? WHERE id = 1";
      try (PreparedStatement plain = raw.prepareStatement(sql);
          PreparedStatement wrapped = handle.prepareStatement(sql)) {
        Side pgjdbc = () -> sink += update(plain);
        Side sandbox = () -> sink += update(wrapped);
        tap.record();
        new Blocks(3, 0, 100).compare(pgjdbc, sandbox);
        new Blocks(3, 0, 100).compare(pgjdbc, () -> sink += autosaved(raw, plain));
        tap.replay();
        report.quiet("executeUpdate without a server", EXECUTIONS, pgjdbc, sandbox);
        report.quiet(
            "of it pgjdbc's savepoint", EXECUTIONS, pgjdbc, () -> sink += autosaved(raw, plain));
        tap.pass();
      }
    }
  }

  private static long update(PreparedStatement statement) throws SQLException {
    statement.setString(1, "two");
    return statement.executeUpdate();
  }

  private static long autosaved(PgConnection raw, PreparedStatement statement) throws SQLException {
    raw.setAutosave(org.postgresql.jdbc.AutoSave.ALWAYS);
    try {
      return update(statement);
    } finally {
      raw.setAutosave(org.postgresql.jdbc.AutoSave.NEVER);
    }
  }
}
