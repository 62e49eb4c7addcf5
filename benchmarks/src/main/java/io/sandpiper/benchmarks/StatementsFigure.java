package io.sandpiper.benchmarks;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * P2: six statements in a sandbox against the same work in production form.
 *
 * <p>The six are what a small service does for one request: two inserts, two selects, an update and
 * a delete, each prepared, executed, read and closed. The sandbox side is a sandbox's whole life
 * around them: opened, bound, the six, ended with its ROLLBACK. The plain side is the six on the
 * same connection from HikariCP, with their real commit. {@code P2a} does them in one application
 * transaction, with the JDBC calls of Spring's transaction manager; {@code P2b} as six autocommit
 * statements, each on a connection fetched for it, as Spring's JdbcTemplate does. Not measured:
 * JUnit and Spring, and emptying the table before a block.
 */
final class StatementsFigure implements Figure {

  static final String SCHEMA =
      "CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, owner text)";

  private static final double TRANSACTION_BAR = 1.05;
  private static final double AUTOCOMMIT_BAR = 1.35;
  private static final Blocks BLOCKS = new Blocks(300, 60, 10);

  @Override
  public String name() {
    return "P2";
  }

  @Override
  public void measure(Bench bench, Report report) throws Exception {
    try (Lab lab = bench.lab(SCHEMA)) {
      report.line(
          Line.ratio(
              "P2a",
              report.quiet(
                  "one application transaction",
                  BLOCKS,
                  plain(lab, StatementsFigure::inTransaction),
                  sandboxed(lab, StatementsFigure::inTransaction)),
              TRANSACTION_BAR));
      report.line(
          Line.ratio(
              "P2b",
              report.quiet(
                  "six autocommit statements",
                  BLOCKS,
                  plain(lab, StatementsFigure::autocommitted),
                  sandboxed(lab, StatementsFigure::autocommitted)),
              AUTOCOMMIT_BAR));
      lab.theOneConnection();
    }
  }

  private static Side plain(Lab lab, Lab.Work work) {
    return side(lab, () -> work.on(lab.production()));
  }

  private static Side sandboxed(Lab lab, Lab.Work work) {
    return side(lab, () -> lab.inSandbox(work));
  }

  private interface Unit {
    void run() throws SQLException;
  }

  private static Side side(Lab lab, Unit unit) {
    return new Side() {
      @Override
      public void before() throws SQLException {
        lab.execute("TRUNCATE item");
      }

      @Override
      public void unit() throws SQLException {
        unit.run();
      }
    };
  }

  static void inTransaction(DataSource source) throws SQLException {
    Transaction.in(
        source,
        connection -> {
          for (Statement statement : Statement.values()) {
            statement.on(connection);
          }
        });
  }

  private static void autocommitted(DataSource source) throws SQLException {
    for (Statement statement : Statement.values()) {
      try (Connection connection = source.getConnection()) {
        statement.on(connection);
      }
    }
  }

  private enum Statement {
    FIRST("INSERT INTO item (id, name) VALUES (?, ?)", 1, "first"),
    SECOND("INSERT INTO item (id, name) VALUES (?, ?)", 2, "second"),
    ONE("SELECT name, owner FROM item WHERE id = ?", 1, null),
    CHANGE("UPDATE item SET owner = 'somebody' WHERE id = ? AND name = ?", 1, "first"),
    MANY("SELECT name, owner FROM item WHERE id >= ? ORDER BY id", 1, null),
    REMOVE("DELETE FROM item WHERE id BETWEEN ? AND 2", 1, null);

    private final String sql;
    private final int id;
    private final @Nullable String name;

    Statement(String sql, int id, @Nullable String name) {
      this.sql = sql;
      this.id = id;
      this.name = name;
    }

    void on(Connection connection) throws SQLException {
      try (PreparedStatement statement = connection.prepareStatement(sql)) {
        statement.setInt(1, id);
        if (name != null) {
          statement.setString(2, name);
        }
        if (sql.startsWith("SELECT")) {
          read(statement);
        } else {
          statement.executeUpdate();
        }
      }
    }

    private static void read(PreparedStatement statement) throws SQLException {
      try (ResultSet rows = statement.executeQuery()) {
        while (rows.next()) {
          rows.getString(1);
          rows.getString(2);
        }
      }
    }
  }
}
