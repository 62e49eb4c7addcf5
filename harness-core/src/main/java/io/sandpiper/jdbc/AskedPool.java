package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.locks.ReentrantLock;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * A pool whose idle connections are closed only while nobody asks it for one.
 *
 * <p>HikariCP opens a connection for whoever asks and forgets him if it is closed before he has it.
 */
final class AskedPool {

  private final DataSource pool;
  private final @Nullable HikariDataSource hikari;
  private final ReentrantLock lock = new ReentrantLock();
  // Guarded by the lock, which nobody holds while the pool is asked.
  private int asking;

  AskedPool(DataSource pool, @Nullable HikariDataSource hikari) {
    this.pool = pool;
    this.hikari = hikari;
  }

  Connection connection() throws SQLException {
    count(1);
    try {
      return pool.getConnection();
    } finally {
      count(-1);
    }
  }

  private void count(int more) {
    lock.lock();
    try {
      asking += more;
    } finally {
      lock.unlock();
    }
  }

  /** Closes what is idle now; what is in use is closed when it comes back. */
  void evict() {
    HikariPoolMXBean running = hikari == null ? null : hikari.getHikariPoolMXBean();
    if (running == null) {
      return;
    }
    lock.lock();
    try {
      if (asking == 0) {
        running.softEvictConnections();
      }
    } finally {
      lock.unlock();
    }
  }
}
