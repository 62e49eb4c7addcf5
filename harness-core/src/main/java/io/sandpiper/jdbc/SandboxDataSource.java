package io.sandpiper.jdbc;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.ConnectionBuilder;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.ShardingKeyBuilder;
import java.time.Duration;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * A connection pool as a sandbox sees it: work of a test shares the one connection and transaction
 * of its sandbox, whatever thread it runs on; other work gets the pool's connections, or is
 * refused.
 *
 * <p>Which of these it is, is decided at the first statement on a connection, so that a connection
 * that is fetched and not used costs nothing. Safe for use by several threads. The idea is that of
 * Ecto's SQL sandbox.
 */
public final class SandboxDataSource implements DataSource, AutoCloseable {

  private final DataSource pool;
  private final Unowned unowned;
  private final BooleanSupplier settingUp;
  private final Object key;
  private final ConnectionRoom room;
  private final Facts facts = new Facts();
  private final SqlTexts texts = new SqlTexts();

  private SandboxDataSource(
      DataSource pool, Unowned unowned, Duration lockTimeout, BooleanSupplier settingUp) {
    this.pool = pool;
    this.unowned = unowned;
    this.settingUp = settingUp;
    this.room = new ConnectionRoom(pool, lockTimeout);
    this.key = room.destination();
  }

  /**
   * Wraps a pool, refusing unowned access. A wrapped one is returned as it is. The system property
   * {@code sandpiper.lock-timeout} says how long a lock is waited for, 10 s where it is not set.
   */
  public static SandboxDataSource wrap(DataSource pool) {
    return wrap(pool, Unowned.REFUSE, null, () -> false);
  }

  /**
   * Wraps a pool.
   *
   * @param unowned what becomes of access by work that belongs to no test
   * @param lockTimeout how long a statement waits for a lock that another test holds; zero for
   *     without end, null for what {@link #wrap(DataSource)} takes. Where the application has
   *     chosen a lock timeout itself, that is left alone
   * @param settingUp whether everybody is given the real database now, as while an application
   *     starts; called from any thread
   */
  public static SandboxDataSource wrap(
      DataSource pool, Unowned unowned, @Nullable Duration lockTimeout, BooleanSupplier settingUp) {
    return pool instanceof SandboxDataSource wrapped
        ? wrapped
        : new SandboxDataSource(
            Objects.requireNonNull(pool, "pool"),
            unowned,
            lockTimeout == null ? LockTimeout.ofSystemProperty() : lockTimeout,
            settingUp);
  }

  @Override
  public Connection getConnection() {
    return ConnectionHandle.open(this);
  }

  /** Goes to the pool: what is asked for by name is not the sandbox's connection. */
  @Override
  public Connection getConnection(String user, String password) throws SQLException {
    return pool.getConnection(user, password);
  }

  /** The physical connection that a handle's statements of now go to. */
  Target target(Object use) throws SQLException {
    if (settingUp.getAsBoolean() || Sandbox.isOutside()) {
      return real();
    }
    Work work = Work.current();
    if (work == null) {
      if (unowned == Unowned.PASS_THROUGH) {
        return real();
      }
      throw new UnownedAccessException(use.toString());
    }
    Sandbox sandbox = work.sandbox();
    if (sandbox.isolation() == Isolation.NONE) {
      return real();
    }
    Object part = sandbox.part(key, () -> new SandboxConnection(sandbox, room, facts));
    if (part instanceof SandboxConnection connection) {
      return new Target.Shared(connection);
    }
    throw SandboxEndedException.of(sandbox, use.toString());
  }

  /** A connection of the pool, through which somebody may change the schema. */
  private Target real() throws SQLException {
    facts.forget();
    return new Target.Real(pool.getConnection());
  }

  /** A handle that led to the pool was closed. */
  void realClosed() {
    facts.forget();
  }

  SqlTexts texts() {
    return texts;
  }

  /** Where a handle leads. */
  sealed interface Target {

    /** A connection of the pool, for this handle alone. */
    record Real(Connection connection) implements Target {}

    /** The connection of a sandbox. */
    record Shared(SandboxConnection connection) implements Target {}
  }

  /** Closes the connections that are kept for sandboxes; the pool stays open. */
  @Override
  public void close() throws SQLException {
    room.close();
  }

  boolean poolAutoCommit() {
    return room.autoCommit();
  }

  @Override
  public <T> T unwrap(Class<T> type) throws SQLException {
    if (type.isInstance(this)) {
      return type.cast(this);
    }
    return type.isInstance(pool) ? type.cast(pool) : pool.unwrap(type);
  }

  @Override
  public boolean isWrapperFor(Class<?> type) throws SQLException {
    return type.isInstance(this) || type.isInstance(pool) || pool.isWrapperFor(type);
  }

  @Override
  public @Nullable PrintWriter getLogWriter() throws SQLException {
    return pool.getLogWriter();
  }

  @Override
  public void setLogWriter(@Nullable PrintWriter out) throws SQLException {
    pool.setLogWriter(out);
  }

  @Override
  public void setLoginTimeout(int seconds) throws SQLException {
    pool.setLoginTimeout(seconds);
  }

  @Override
  public int getLoginTimeout() throws SQLException {
    return pool.getLoginTimeout();
  }

  @Override
  public Logger getParentLogger() throws SQLFeatureNotSupportedException {
    return pool.getParentLogger();
  }

  @Override
  public ConnectionBuilder createConnectionBuilder() throws SQLException {
    return pool.createConnectionBuilder();
  }

  @Override
  public ShardingKeyBuilder createShardingKeyBuilder() throws SQLException {
    return pool.createShardingKeyBuilder();
  }

  @Override
  public String toString() {
    return "SandboxDataSource of " + pool;
  }
}
