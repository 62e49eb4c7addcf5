package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import com.zaxxer.hikari.util.DriverDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.PgConnection;

/**
 * The connections that sandboxes hold, and the room for them on the server.
 *
 * <p>They are connections beside the application's pool, made as HikariCP would make them and kept
 * for the next sandbox. The pool itself cannot serve: a sandbox holds its connection for a whole
 * test, and a pool that is told to grow adds one connection each 30 ms and forgets waiters beyond
 * its first size. A pool of another make is asked for connections as it is.
 */
final class ConnectionRoom implements AutoCloseable {

  /** Left for everybody else on the server: its superuser's share and other programs. */
  private static final int SPARE = 10;

  private static final long TRUSTED_IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long KEPT_IDLE_NANOS = TimeUnit.SECONDS.toNanos(60);
  private static final int VALIDATION_SECONDS = 2;
  private static final String TOO_MANY_CONNECTIONS = "53300";

  private final DataSource pool;
  private final @Nullable HikariDataSource hikari;
  private final DataSource source;
  private final LockWatch locks;
  private final Gate gate = new Gate();
  private final Deque<Idle> idle = new ConcurrentLinkedDeque<>();
  private volatile @Nullable Semaphore permits;
  private volatile int capacity;
  private volatile boolean closed;

  private record Idle(Connection connection, long since) {

    long nanos() {
      return System.nanoTime() - since;
    }
  }

  ConnectionRoom(DataSource pool, Duration lockTimeout) {
    this.pool = pool;
    this.locks = new LockWatch(this, lockTimeout);
    this.hikari = hikari(pool);
    this.source = hikari == null ? pool : source(hikari);
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

  private static DataSource source(HikariDataSource hikari) {
    return hikari.getDataSource() != null || hikari.getJdbcUrl() == null
        ? hikari
        : new DriverDataSource(
            hikari.getJdbcUrl(),
            hikari.getDriverClassName(),
            hikari.getDataSourceProperties(),
            hikari.getUsername(),
            hikari.getPassword());
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

  /** Takes a connection for a sandbox; waits fairly where the server has no room for more. */
  Connection take() throws SQLException {
    if (!isDedicated()) {
      return gate.through(source::getConnection);
    }
    reserve();
    try {
      return gate.through(
          () -> {
            Connection kept = kept();
            return kept != null ? kept : open();
          });
    } catch (SQLException | RuntimeException | Error failed) {
      release();
      throw failed;
    }
  }

  /** Waits fairly until one more connection may be opened. */
  void reserve() throws SQLException {
    if (!isDedicated()) {
      return;
    }
    Semaphore known = permits();
    try {
      if (known.tryAcquire(limitMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    throw noRoom(null);
  }

  /** Gives the room of one connection back. */
  void release() {
    Semaphore known = permits;
    if (known != null) {
      known.release();
    }
  }

  /** How long somebody waits for a connection at most, as the pool is told. */
  long limitMillis() {
    return hikari == null ? 0 : hikari.getConnectionTimeout();
  }

  /** The first sandbox finds out how many connections the server has. */
  private Semaphore permits() throws SQLException {
    Semaphore known = permits;
    if (known == null) {
      synchronized (this) {
        known = permits;
        if (known == null) {
          capacity = Math.max(1, serverLimit() - SPARE - pooled());
          known = new Semaphore(capacity, true);
          permits = known;
        }
      }
    }
    return known;
  }

  private int pooled() {
    return hikari == null ? 0 : hikari.getMaximumPoolSize();
  }

  private int serverLimit() throws SQLException {
    Connection connection = open();
    boolean postgres = connection.isWrapperFor(org.postgresql.PGConnection.class);
    idle.push(new Idle(connection, System.nanoTime()));
    if (!postgres) {
      return Integer.MAX_VALUE;
    }
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SHOW max_connections")) {
      row.next();
      return row.getInt(1);
    }
  }

  private @Nullable Connection kept() throws SQLException {
    for (Idle top = idle.poll(); top != null; top = idle.poll()) {
      Connection connection = top.connection();
      if (!connection.isClosed()
          && (top.nanos() < TRUSTED_IDLE_NANOS || connection.isValid(VALIDATION_SECONDS))) {
        return connection;
      }
      connection.abort(Runnable::run);
    }
    return null;
  }

  /** Whether its connections are for sandboxes only, and went through {@link Session#prepare}. */
  boolean isDedicated() {
    return source != pool && source != hikari;
  }

  LockWatch locks() {
    return locks;
  }

  /** A connection as the application opens them, for looking at the server; the caller's own. */
  Connection observer() throws SQLException {
    Connection connection = source.getConnection();
    prepare(connection);
    return connection;
  }

  private Connection open() throws SQLException {
    try {
      Connection connection = observer();
      if (connection.isWrapperFor(PgConnection.class)) {
        Session.prepare(connection, locks.timeout());
      }
      return connection;
    } catch (SQLException failed) {
      if (TOO_MANY_CONNECTIONS.equals(failed.getSQLState())) {
        throw noRoom(failed);
      }
      throw failed;
    }
  }

  /** What the pool does to each of its connections. */
  void prepare(Connection connection) throws SQLException {
    if (hikari == null) {
      return;
    }
    if (hikari.getSchema() != null) {
      connection.setSchema(hikari.getSchema());
    }
    if (hikari.getConnectionInitSql() != null) {
      try (Statement statement = connection.createStatement()) {
        statement.execute(hikari.getConnectionInitSql());
      }
    }
  }

  /** Takes a connection back that is as it was when it was taken. */
  void giveBack(Connection connection) throws SQLException {
    if (!isDedicated() || closed) {
      connection.close();
    } else {
      idle.push(new Idle(connection, System.nanoTime()));
      closeUnused();
    }
    release();
  }

  /** Closes a connection for good, so that nobody else is given it. */
  void discard(Connection connection) throws SQLException {
    release();
    connection.abort(Runnable::run);
  }

  private void closeUnused() throws SQLException {
    Idle oldest = idle.peekLast();
    if (oldest != null && oldest.nanos() > KEPT_IDLE_NANOS && idle.removeLastOccurrence(oldest)) {
      oldest.connection().close();
    }
  }

  private SandboxException noRoom(@Nullable SQLException cause) {
    return new SandboxException(
        ("No connection was free for this sandbox: sandboxes may hold %d beside the %d of the"
                + " application's pool. Raise the server's max_connections, make the pool smaller,"
                + " or run fewer tests at once.")
            .formatted(capacity, pooled()),
        SandboxException.ROOM,
        cause);
  }

  /** A connection of the pool itself. */
  Connection pooledConnection() throws SQLException {
    return gate.through(pool::getConnection);
  }

  /**
   * Does something while the pool keeps no connection that nobody uses; those in use are closed
   * when they come back.
   */
  <T extends @Nullable Object> T quiet(SqlCall<T> call) throws SQLException {
    if (hikari == null || !isRunning()) {
      closeIdle();
      return call.call();
    }
    int minimumIdle = hikari.getMinimumIdle();
    hikari.setMinimumIdle(0);
    try {
      evict();
      return call.call();
    } finally {
      hikari.setMinimumIdle(minimumIdle);
    }
  }

  /** Whether the pool has ever been asked for a connection, as far as it tells. */
  boolean isRunning() {
    return hikari == null || hikari.isRunning();
  }

  /** Closes what is idle now. */
  void evict() throws SQLException {
    closeIdle();
    HikariPoolMXBean running = hikari == null ? null : hikari.getHikariPoolMXBean();
    if (running != null) {
      running.softEvictConnections();
    }
  }

  Gate gate() {
    return gate;
  }

  @Nullable HikariDataSource hikari() {
    return hikari;
  }

  DataSource pool() {
    return pool;
  }

  /** Closes what no sandbox holds. */
  @Override
  public void close() throws SQLException {
    closed = true;
    locks.close();
    closeIdle();
  }

  /** Closes what no sandbox holds now. */
  void closeIdle() throws SQLException {
    locks.observer().release();
    for (Idle top = idle.poll(); top != null; top = idle.poll()) {
      top.connection().close();
    }
  }
}
