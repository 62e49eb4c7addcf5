package io.sandpiper.jdbc;

import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** A call of the driver. */
@FunctionalInterface
interface SqlCall<T extends @Nullable Object> {

  T call() throws SQLException;
}
