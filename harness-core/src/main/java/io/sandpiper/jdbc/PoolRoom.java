package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The room in a pool for the connections that sandboxes hold; a HikariCP pool grows with them.
 *
 * <p>A sandbox holds its connection for the whole test. A pool sized for an application would let
 * only so many tests run at once.
 */
final class PoolRoom {

  /** Left for everybody else on the server: its superuser's share and other programs. */
  private static final int SPARE = 10;

  private final DataSource pool;
  private final @Nullable HikariDataSource hikari;
  private final int configured;
  private final AtomicInteger held = new AtomicInteger();
  private volatile int serverLimit;

  PoolRoom(DataSource pool) {
    this.pool = pool;
    this.hikari = hikari(pool);
    this.configured = hikari == null ? 0 : hikari.getMaximumPoolSize();
  }

  private static @Nullable HikariDataSource hikari(DataSource pool) {
    try {
      return pool instanceof HikariDataSource itself
          ? itself
          : pool.isWrapperFor(HikariDataSource.class) ? pool.unwrap(HikariDataSource.class) : null;
    } catch (SQLException notWrapping) {
      return null;
    }
  }

  /** What is the same for pools that lead to one database as one user. */
  Object destination() {
    if (hikari == null || hikari.getJdbcUrl() == null) {
      return pool;
    }
    String url = hikari.getJdbcUrl();
    int parameters = url.indexOf('?');
    return (parameters < 0 ? url : url.substring(0, parameters)) + " as " + hikari.getUsername();
  }

  boolean autoCommit() {
    return hikari == null || hikari.isAutoCommit();
  }

  /** Takes a connection for a sandbox; blocks while the pool has none. */
  Connection take() throws SQLException {
    int holders = held.incrementAndGet();
    try {
      grow(holders);
      Connection connection = pool.getConnection();
      learnLimit(connection);
      return connection;
    } catch (SQLTransientConnectionException full) {
      held.decrementAndGet();
      throw new SandboxException(noRoom(holders), SandboxException.ROOM, full);
    } catch (SQLException | RuntimeException | Error failed) {
      held.decrementAndGet();
      throw failed;
    }
  }

  /** Closes a connection for good, so that nobody else is given it. */
  void evict(Connection connection) throws SQLException {
    if (hikari == null) {
      connection.abort(Runnable::run);
    } else {
      hikari.evictConnection(connection);
    }
  }

  void giveBack() {
    held.decrementAndGet();
  }

  private void grow(int holders) {
    if (hikari == null) {
      return;
    }
    int wanted = configured + holders;
    synchronized (this) {
      int limit = serverLimit == 0 ? Integer.MAX_VALUE : Math.max(configured, serverLimit - SPARE);
      int size = Math.min(wanted, limit);
      if (size > hikari.getMaximumPoolSize()) {
        hikari.getHikariConfigMXBean().setMaximumPoolSize(size);
      }
    }
  }

  private void learnLimit(Connection connection) throws SQLException {
    if (serverLimit == 0) {
      try (Statement statement = connection.createStatement();
          ResultSet row = statement.executeQuery("SHOW max_connections")) {
        row.next();
        serverLimit = row.getInt(1);
      }
    }
  }

  private String noRoom(int holders) {
    int size = hikari == null ? 0 : hikari.getMaximumPoolSize();
    return ("No connection was free for this sandbox: %d sandboxes hold or want one%s%s. Raise the"
            + " pool's maximum size or the server's max_connections, or run fewer tests at once.")
        .formatted(
            holders,
            size == 0 ? "" : ", the pool may have %d".formatted(size),
            serverLimit == 0 ? "" : ", the server allows %d".formatted(serverLimit));
  }
}
