package io.sandpiper.jdbc;

import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What the journal says of an executed statement.
 *
 * @param sql whose text is the statement in brief
 * @param rows how many it has changed, or -1 where it does not tell
 */
record StatementText(Object sql, long rows) {

  /** Of a call of {@code execute…}. */
  static StatementText of(Object sql, @Nullable Object result, Statement executed)
      throws SQLException {
    if (result instanceof Number count) {
      return new StatementText(sql, count.longValue());
    }
    return new StatementText(sql, result instanceof Boolean ? executed.getLargeUpdateCount() : -1);
  }

  /** Of a batch, by the counts that {@code execute…Batch} returned. */
  static StatementText ofBatch(Object sql, @Nullable Object counts) {
    LongStream each =
        counts instanceof int[] ints
            ? Arrays.stream(ints).asLongStream()
            : counts instanceof long[] longs ? Arrays.stream(longs) : LongStream.empty();
    return new StatementText(sql, each.filter(count -> count > 0).sum());
  }

  @Override
  public String toString() {
    return rows < 0
        ? sql.toString()
        : "%s (%d %s)".formatted(sql, rows, rows == 1 ? "row" : "rows");
  }
}
