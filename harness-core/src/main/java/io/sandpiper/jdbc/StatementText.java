package io.sandpiper.jdbc;

import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * What the journal says of an executed statement.
 *
 * @param sql its text, in brief by its {@code toString()}
 * @param rows how many rows it has changed, or -1 where it does not tell
 */
record StatementText(Object sql, long rows) {

  @Override
  public String toString() {
    return rows < 0
        ? sql.toString()
        : "%s (%d %s)".formatted(sql, rows, rows == 1 ? "row" : "rows");
  }

  /** How many rows a call of {@code execute…} has changed, or -1 where it does not tell. */
  static long rows(@Nullable Object result, Statement executed) throws SQLException {
    if (result instanceof Number count) {
      return count.longValue();
    }
    return result instanceof Boolean ? executed.getLargeUpdateCount() : -1;
  }

  /** How many rows a batch has changed, by the counts that {@code execute…Batch} returned. */
  static long batchRows(@Nullable Object counts) {
    LongStream each =
        counts instanceof int[] ints
            ? Arrays.stream(ints).asLongStream()
            : counts instanceof long[] longs ? Arrays.stream(longs) : LongStream.empty();
    return each.filter(count -> count > 0).sum();
  }
}
