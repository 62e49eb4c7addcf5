package io.sandpiper.jdbc;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import io.sandpiper.Work;
import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.ConnectionBuilder;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.ShardingKeyBuilder;
import java.time.Duration;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
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
  private final Unowned unowned;
  private final BooleanSupplier settingUp;
  private final Object key;
  private final ConnectionRoom room;
  private final Facts facts = new Facts();
  private final SqlTexts texts = new SqlTexts();
  private final CloneSettings cloneSettings;
  private final AtomicReference<@Nullable Clones> clones = new AtomicReference<>();

  private SandboxDataSource(
      DataSource pool,
      Unowned unowned,
      BooleanSupplier settingUp,
      Duration lockTimeout,
      CloneSettings cloneSettings) {
    this.pool = pool;
    this.unowned = unowned;
    this.settingUp = settingUp;
    this.cloneSettings = cloneSettings;
    this.room = new ConnectionRoom(pool, lockTimeout);
    this.key = room.destination();
  }

  /** Wraps a pool, refusing unowned access. A wrapped one is returned as it is. */
  public static SandboxDataSource wrap(DataSource pool) {
    return wrap(pool, Unowned.REFUSE, () -> false);
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
   * @param settings looks up {@code sandpiper.lock-timeout}, {@code sandpiper.keep-failed} and
   *     {@code sandpiper.database.clones}; null where one is not set
   * @throws IllegalArgumentException if a setting has a value that is none
   */
  public static SandboxDataSource wrap(
      DataSource pool,
      Unowned unowned,
      BooleanSupplier settingUp,
      Function<String, @Nullable String> settings) {
    return pool instanceof SandboxDataSource wrapped
        ? wrapped
        : new SandboxDataSource(
            Objects.requireNonNull(pool, "pool"),
            unowned,
            settingUp,
            LockTimeout.of(settings),
            CloneSettings.of(settings));
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
    Object part = sandbox.part(key, () -> part(sandbox));
    if (part instanceof Clone clone) {
      return new Target.Real(clone.connection(use.toString()), false);
    }
    if (part instanceof SandboxConnection connection) {
      return new Target.Shared(connection);
    }
    throw SandboxEndedException.of(sandbox, use.toString());
  }

  /** A connection of the pool, through which somebody may change the schema. */
  private Target real() throws SQLException {
    facts.forget();
    return new Target.Real(room.pooledConnection(), true);
  }

  /** A handle that led to a connection for itself was closed. */
  void closed(Target.Real real) {
    if (real.ofPool()) {
      facts.forget();
    }
  }

  SqlTexts texts() {
    return texts;
  }

  private SandboxPart part(Sandbox sandbox) {
    if (sandbox.isolation() == Isolation.DATABASE) {
      return new Clone(sandbox, texts, this::clones, cloneSettings.keepFailed());
    }
    if (cloneSettings.keepFailed()) {
      sandbox.part(HowToKeep.class, HowToKeep::new);
    }
    return new SandboxConnection(sandbox, room, facts);
  }

  private Clones clones(Sandbox sandbox) throws SQLException {
    Clones known = clones.get();
    if (known == null) {
      Clones made = makeClones();
      known = clones.compareAndSet(null, made) ? made : Objects.requireNonNull(clones.get());
      sandbox.run().shared(OpenClones.class, OpenClones::new).add(known);
    }
    return known;
  }

  private Clones makeClones() throws SQLException {
    DatabaseAddress address = DatabaseAddress.of(pool, room.hikari());
    if (address == null) {
      throw new SandboxException(
          ("Isolation DATABASE needs a HikariDataSource with a jdbcUrl of PostgreSQL or one of"
                  + " pgjdbc's DataSources, to know where and as whom to connect, and has %s. Use"
                  + " one of these in tests, or isolation TRANSACTION.")
              .formatted(pool),
          SandboxException.NOT_SUPPORTED);
    }
    String token = UUID.randomUUID().toString().replace("-", "").substring(0, 12);
    return new Clones(
        new CloneFactory(new CloneServer(room, address), token), cloneSettings.ahead());
  }

  /**
   * Makes the template of isolation DATABASE now, while nothing is going on, and not when the first
   * such test asks. A pool that nobody has used yet is left alone.
   *
   * @throws SQLException where it cannot be made; the first such test tries again
   */
  public void prepareTemplate() throws SQLException {
    if (!room.isRunning()) {
      return;
    }
    Clones known = clones.get();
    if (known == null) {
      Clones made = makeClones();
      known = clones.compareAndSet(null, made) ? made : Objects.requireNonNull(clones.get());
    }
    known.prepareTemplate();
  }

  /**
   * The name of the database that a sandbox of isolation DATABASE works on, so that other processes
   * can be told.
   *
   * @throws SQLException where it has ended, has another isolation or can have no database
   */
  String databaseName(Sandbox sandbox) throws SQLException {
    if (sandbox.part(key, () -> part(sandbox)) instanceof Clone clone) {
      return clone.databaseName();
    }
    throw sandbox.sinceEnd() != null
        ? SandboxEndedException.of(sandbox, "the name of its database")
        : new SandboxException(
            "%s has no database of its own: give it isolation DATABASE.".formatted(sandbox),
            SandboxException.NOT_SUPPORTED);
  }

  /** Where a handle leads. */
  sealed interface Target {

    /**
     * A connection for this handle alone.
     *
     * @param ofPool whether it leads to the application's database, not to one of a test
     */
    record Real(Connection connection, boolean ofPool) implements Target {}

    /** The connection of a sandbox. */
    record Shared(SandboxConnection connection) implements Target {}
  }

  /** Closes the connections that are kept for sandboxes; the pool stays open. */
  @Override
  public void close() throws SQLException {
    Clones made = clones.get();
    if (made != null) {
      made.close();
    }
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
