package io.sandpiper.jdbc;

import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** A call of the driver. */
@FunctionalInterface
interface SqlCall<T extends @Nullable Object> {

  T call() throws SQLException;

  /** Asks about the result what the driver will need later; follows each call that succeeded. */
  default void learn(T result) throws SQLException {}
}
