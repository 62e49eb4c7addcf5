package io.sandpiper.benchmarks;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Objects;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * P3: an application transaction in a sandbox against a real BEGIN and COMMIT.
 *
 * <p>The transaction inserts one row, with the JDBC calls of Spring's transaction manager around
 * it. The sandbox side does so in a sandbox that is open already; a block is a sandbox's worth of
 * 100 transactions, so it has its share of what is done only now and then. {@code P3a} is a
 * database where no constraint is deferred, {@code P3b} one where the row has an initially deferred
 * foreign key, which is checked by the commit. Not measured: opening and ending the sandbox, JUnit
 * and Spring, and emptying the table before a block.
 */
final class TransactionFigure implements Figure {

  private static final String SCHEMA =
      """
      CREATE TABLE parent (id int PRIMARY KEY);
      INSERT INTO parent VALUES (1);
      CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent %s)
      """;

  private static final double IMMEDIATE_BAR = 0.60;
  private static final double DEFERRED_BAR = 0.95;
  private static final Blocks BLOCKS = new Blocks(150, 20, 100);

  @Override
  public String name() {
    return "P3";
  }

  @Override
  public void measure(Bench bench, Report report) throws Exception {
    compare("P3a", SCHEMA.formatted("NOT DEFERRABLE"), IMMEDIATE_BAR, bench, report);
    compare("P3b", SCHEMA.formatted("DEFERRABLE INITIALLY DEFERRED"), DEFERRED_BAR, bench, report);
  }

  private static void compare(String figure, String schema, double bar, Bench bench, Report report)
      throws Exception {
    try (Lab lab = bench.lab(schema)) {
      Comparison comparison = report.quiet(figure, BLOCKS, new Plain(lab), new Sandboxed(lab));
      lab.theOneConnection();
      report.line(Line.ratio(figure, comparison, bar));
    }
  }

  private static void insert(DataSource source, int id) throws SQLException {
    Transaction.in(
        source,
        connection -> {
          try (PreparedStatement insert =
              connection.prepareStatement("INSERT INTO child (id, parent) VALUES (?, 1)")) {
            insert.setInt(1, id);
            insert.executeUpdate();
          }
        });
  }

  private static final class Plain implements Side {

    private final Lab lab;
    private int id;

    Plain(Lab lab) {
      this.lab = lab;
    }

    @Override
    public void before() throws SQLException {
      lab.execute("TRUNCATE child");
    }

    @Override
    public void unit() throws SQLException {
      insert(lab.production(), ++id);
    }
  }

  private static final class Sandboxed implements Side {

    private final Lab lab;
    private Lab.@Nullable Opened sandbox;
    private int id;

    Sandboxed(Lab lab) {
      this.lab = lab;
    }

    @Override
    public void before() throws SQLException {
      lab.execute("TRUNCATE child");
      sandbox = lab.open();
    }

    @Override
    public void unit() throws SQLException {
      insert(lab.sandboxed(), ++id);
    }

    @Override
    public void after() {
      Objects.requireNonNull(sandbox).close();
    }
  }
}
