package io.sandpiper.jdbc;

import java.sql.SQLException;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/** Where those who want a connection wait while nobody may be connected. Fair. */
final class Gate {

  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock(true);

  /** Gets a connection, once the gate is open. */
  <T extends @Nullable Object> T through(SqlCall<T> call) throws SQLException {
    return under(lock.readLock(), call);
  }

  /** Does something while nobody gets a connection. */
  <T extends @Nullable Object> T closed(SqlCall<T> call) throws SQLException {
    return under(lock.writeLock(), call);
  }

  private static <T extends @Nullable Object> T under(Lock held, SqlCall<T> call)
      throws SQLException {
    held.lock();
    try {
      return call.call();
    } finally {
      held.unlock();
    }
  }
}
