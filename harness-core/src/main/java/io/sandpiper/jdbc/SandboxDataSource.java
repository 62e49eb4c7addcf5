package io.sandpiper.jdbc;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.ConnectionBuilder;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.ShardingKeyBuilder;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
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
  private final Rules rules;
  private final Run run;
  private final Targets targets;
  private final Map<List<@Nullable String>, SandboxDataSource> byUser = new ConcurrentHashMap<>();

  /**
   * What a wrapped pool does.
   *
   * @param leakCheck whether rows that are committed past the sandboxes fail the run
   * @param lockTimeout how long a statement waits for a lock of another test; zero for no end
   */
  record Rules(
      Unowned unowned,
      boolean leakCheck,
      BooleanSupplier settingUp,
      Duration lockTimeout,
      CloneSettings clones) {}

  private SandboxDataSource(DataSource pool, Rules rules, Run run) {
    this.pool = pool;
    this.rules = rules;
    this.run = run;
    this.targets = new Targets(pool, rules, run);
  }

  /**
   * Wraps a pool. A wrapped one is returned as it is; of a router wrap the targets instead. Unowned
   * access is refused, or what the system property {@code sandpiper.unowned} says is done.
   *
   * @throws IllegalArgumentException if a system property has a value that is none
   */
  public static SandboxDataSource wrap(DataSource pool) {
    return wrap(pool, Unowned.of(System::getProperty), () -> false);
  }

  /**
   * Wraps a pool.
   *
   * @param unowned what becomes of access by work that belongs to no test
   * @param settingUp whether everybody is given the real database now, as while an application
   *     starts; called from any thread
   */
  public static SandboxDataSource wrap(
      DataSource pool, Unowned unowned, BooleanSupplier settingUp) {
    return wrap(pool, unowned, settingUp, System::getProperty);
  }

  /**
   * As {@link #wrap(DataSource, Unowned, BooleanSupplier)}, with settings from elsewhere than
   * system properties.
   *
   * @param settings looks up {@code sandpiper.lock-timeout}, {@code sandpiper.leak-check}, {@code
   *     sandpiper.keep-failed}, {@code sandpiper.propagate-database} and {@code
   *     sandpiper.database.clones}; null where one is not set
   * @throws IllegalArgumentException if a setting has a value that is none
   */
  public static SandboxDataSource wrap(
      DataSource pool,
      Unowned unowned,
      BooleanSupplier settingUp,
      Function<String, @Nullable String> settings) {
    boolean leakCheck = Boolean.parseBoolean(settings.apply("sandpiper.leak-check"));
    return wrap(
        pool,
        new Rules(
            unowned, leakCheck, settingUp, LockTimeout.of(settings), CloneSettings.of(settings)),
        Run.ofThisJvm());
  }

  static SandboxDataSource wrap(DataSource pool, Rules rules, Run run) {
    return pool instanceof SandboxDataSource wrapped
        ? wrapped
        : new SandboxDataSource(Objects.requireNonNull(pool, "pool"), rules, run);
  }

  @Override
  public Connection getConnection() {
    return ConnectionHandle.open(targets);
  }

  /** As {@link #getConnection()}; another user has another connection of the sandbox. */
  @Override
  public Connection getConnection(@Nullable String user, @Nullable String password) {
    return byUser
        .computeIfAbsent(
            Arrays.asList(user, password),
            credentials -> new SandboxDataSource(Credentials.on(pool, user, password), rules, run))
        .getConnection();
  }

  /** Whether anybody has asked the pool for a connection yet, as far as it tells. */
  public boolean isUsed() {
    return targets.isUsed();
  }

  /**
   * Makes the template of isolation DATABASE now, while nothing is going on, and not when the first
   * such test asks. In a suite without Spring that mixes isolations, call it before the first test:
   * later the template waits until the tests that are open have ended.
   *
   * @throws SQLException where it cannot be made; the first such test tries again
   */
  public void prepareTemplate() throws SQLException {
    targets.clones().prepareTemplate();
  }

  /**
   * Lets a sandbox of isolation DATABASE tell other processes of its database before it has used
   * it, where {@code sandpiper.propagate-database} is set; else does nothing. It costs nothing
   * until something is sent.
   */
  public void offerTo(Sandbox sandbox) {
    // A pool of which one has to ask each time where it leads may lead to one that is offered too.
    if (rules.clones().toldToOthers()
        && sandbox.isolation() == Isolation.DATABASE
        && !targets.mustAsk()) {
      targets.part(sandbox);
    }
  }

  /**
   * The name of the database that a sandbox of isolation DATABASE works on, so that other processes
   * can be told.
   *
   * @throws SQLException where it has ended, has another isolation or can have no database
   */
  String databaseName(Sandbox sandbox) throws SQLException {
    if (targets.part(sandbox) instanceof Clone clone) {
      return clone.databaseName();
    }
    throw sandbox.sinceEnd() != null
        ? SandboxEndedException.of(sandbox, "the name of its database")
        : new SandboxException(
            "%s has no database of its own: give it isolation DATABASE.".formatted(sandbox),
            SandboxException.NOT_SUPPORTED);
  }

  /** Closes the connections that are kept for sandboxes; the pool stays open. */
  @Override
  public void close() throws SQLException {
    for (SandboxDataSource other : byUser.values()) {
      other.close();
    }
    targets.close();
  }

  DataSource pool() {
    return pool;
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
