package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.util.DriverDataSource;
import com.zaxxer.hikari.util.PropertyElf;
import com.zaxxer.hikari.util.UtilityElf;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Deque;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;
import org.postgresql.jdbc.PgConnection;

/**
 * The connections that the sandboxes of one pool hold or may be given next.
 *
 * <p>They are connections beside the application's pool, made as HikariCP would make them and kept
 * for the next sandbox. The pool itself cannot serve: a sandbox holds its connection for a whole
 * test, and a pool that is told to grow adds one connection each 30 ms and forgets waiters beyond
 * its first size. A pool of another make is asked for connections as it is.
 */
final class ConnectionRoom implements AutoCloseable {

  private static final long TRUSTED_IDLE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
  private static final long KEPT_IDLE_NANOS = TimeUnit.SECONDS.toNanos(60);
  private static final long UNPOOLED_WAIT_MILLIS = TimeUnit.SECONDS.toMillis(30);
  private static final int VALIDATION_SECONDS = 2;
  private static final String TOO_MANY_CONNECTIONS = "53300";

  /** The server has just started, or recovers, as after its disk was full. */
  private static final String NOT_YET = "57P03";

  private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  private static final String LIMIT =
      "SELECT least(current_setting('max_connections')::int, (SELECT rolconnlimit + %d"
              .formatted(ServerRoom.SPARE)
          + " FROM pg_roles WHERE rolname = session_user AND rolconnlimit >= 0 AND NOT rolsuper))";

  private final DataSource pool;
  private final @Nullable HikariDataSource hikari;
  private final PoolSettings settings;
  private final @Nullable DataSource source;
  private final @Nullable Destination destination;
  private final Servers servers;
  private final LockWatch locks;
  private final Gate gate;
  private final AskedPool asked;
  private final Deque<Idle> idle = new ConcurrentLinkedDeque<>();
  private volatile @Nullable ServerRoom joined;
  private final AtomicReference<@Nullable Connection> offered;
  private volatile boolean closed;

  private record Idle(Connection connection, long since) {

    long nanos() {
      return System.nanoTime() - since;
    }
  }

  ConnectionRoom(DataSource pool, Servers servers, Duration lockTimeout) {
    this(pool, servers, lockTimeout, null);
    gate.join(this);
  }

  private ConnectionRoom(
      DataSource pool, Servers servers, Duration lockTimeout, @Nullable Connection offered) {
    this.pool = pool;
    this.locks = new LockWatch(this, lockTimeout);
    this.servers = servers;
    this.offered = new AtomicReference<>(offered);
    this.hikari = inside(pool, HikariDataSource.class);
    this.asked = new AskedPool(pool, hikari);
    this.settings = new PoolSettings(hikari == null ? pool : hikari);
    this.source = hikari != null ? source(hikari) : inside(pool, PGSimpleDataSource.class);
    this.destination = findDestination();
    this.gate = destination == null ? new Gate() : servers.gate(destination);
  }

  private static <T extends DataSource> @Nullable T inside(DataSource pool, Class<T> type) {
    try {
      return type.isInstance(pool)
          ? type.cast(pool)
          : pool.isWrapperFor(type) ? pool.unwrap(type) : null;
    } catch (SQLException notWrapping) {
      return null;
    }
  }

  /** What HikariCP itself gets its connections from; null where it looks that up elsewhere. */
  private static @Nullable DataSource source(HikariDataSource hikari) {
    if (hikari.getDataSource() != null) {
      SandboxDataSource wrapped = inside(hikari.getDataSource(), SandboxDataSource.class);
      return wrapped == null ? hikari.getDataSource() : wrapped.pool();
    }
    if (hikari.getDataSourceClassName() != null) {
      DataSource made =
          UtilityElf.createInstance(hikari.getDataSourceClassName(), DataSource.class);
      PropertyElf.setTargetFromProperties(made, hikari.getDataSourceProperties());
      return made;
    }
    return hikari.getJdbcUrl() == null
        ? null
        : new DriverDataSource(
            hikari.getJdbcUrl(),
            hikari.getDriverClassName(),
            hikari.getDataSourceProperties(),
            hikari.getUsername(),
            hikari.getPassword());
  }

  private @Nullable Destination findDestination() {
    Properties properties = hikari == null ? new Properties() : hikari.getDataSourceProperties();
    String url = settings.url();
    if (url == null && source != null) {
      PoolSettings inner = new PoolSettings(source);
      url = inner.url();
      String user = settings.user() == null ? inner.user() : settings.user();
      return url == null ? null : Destination.of(url, user, properties, settings.session());
    }
    return url == null
        ? null
        : Destination.of(url, settings.user(), properties, settings.session());
  }

  /** Where the pool leads, or null where only a connection of it can say so. */
  @Nullable Destination destination() {
    return destination;
  }

  /** Whether its connections say where they lead, because the pool does not: it may be a router. */
  boolean mustAsk() {
    return source == null && destination == null;
  }

  /** The same room, where the first to take a connection is given this one of the pool. */
  ConnectionRoom offering(Connection connection) {
    return new ConnectionRoom(pool, servers, locks.timeout(), connection);
  }

  /** Closes the connection that was offered, where nobody has taken it. */
  void withdraw() throws SQLException {
    Connection left = offered.getAndSet(null);
    if (left != null) {
      left.close();
    }
  }

  /** Asks something of a connection beside those that sandboxes hold. */
  void ask(CheckedDatabase.Question question) throws SQLException {
    if (source == null) {
      try (Connection connection = asked.connection()) {
        question.of(connection);
      }
      return;
    }
    Connection connection = keptOrNew();
    boolean sound = false;
    try {
      question.of(connection);
      sound = true;
    } finally {
      if (sound && !closed) {
        idle.push(new Idle(connection, System.nanoTime()));
      } else {
        server().closed();
        connection.close();
      }
    }
  }

  boolean autoCommit() {
    // Asked for each connection, where looking a getter up costs more than all else.
    return hikari != null ? hikari.isAutoCommit() : settings.autoCommit();
  }

  /**
   * Takes a connection; waits fairly where the server has no room for more.
   *
   * @param user the sandbox that it is for
   */
  Connection take(Object user) throws SQLException {
    Connection connection = isDedicated() ? takeDedicated(user) : takePooled(user);
    gate.entered(connection, user);
    return connection;
  }

  private Connection takePooled(Object user) throws SQLException {
    gate.await(user);
    return fromPool();
  }

  private Connection takeDedicated(Object user) throws SQLException {
    ServerRoom server = server();
    gate.await(user);
    acquire(server);
    while (!gate.isOpenFor(user)) {
      // Who waits at the gate is not to have the room that somebody inside needs.
      server.release();
      gate.await(user);
      acquire(server);
    }
    try {
      return keptOrNew();
    } catch (SQLException | RuntimeException | Error failed) {
      server.release();
      throw failed;
    }
  }

  private Connection keptOrNew() throws SQLException {
    Connection kept = kept();
    return kept != null ? kept : open();
  }

  private Connection fromPool() throws SQLException {
    if (destination != null) {
      server();
    }
    Connection given = offered.getAndSet(null);
    Connection connection = given == null ? asked.connection() : given;
    if (!connection.getAutoCommit()) {
      connection.setAutoCommit(true);
    }
    return connection;
  }

  private void acquire(ServerRoom server) throws SQLException {
    try {
      if (!server.knowsLimit()) {
        findLimit(server);
      }
      if (server.acquire(limitMillis())) {
        return;
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new SandboxException(
          "Interrupted while waiting for a connection to %s".formatted(whereTo()),
          SandboxException.WAIT,
          interrupted);
    }
    throw noRoom(null);
  }

  /** How long somebody waits for a connection at most, as the pool is told. */
  long limitMillis() {
    return hikari == null ? UNPOOLED_WAIT_MILLIS : hikari.getConnectionTimeout();
  }

  /** Waits fairly until one more connection may be opened, by somebody else than this room. */
  void reserve() throws SQLException {
    if (isDedicated()) {
      acquire(server());
      server().opening();
    }
  }

  /** Gives the room of one connection back that was {@linkplain #reserve reserved}. */
  void release() {
    if (isDedicated()) {
      server().closed();
      server().release();
    }
  }

  /** Whether somebody waits for a connection that another one keeps without using it. */
  boolean isWanted() {
    ServerRoom server = joined;
    return server != null && server.isWanted();
  }

  /** Where to ask for connections that are reserved and not used, while others wait for room. */
  void keeper(ServerRoom.Keeper keeper) {
    server().keeper(keeper);
  }

  void noKeeper(ServerRoom.Keeper keeper) {
    server().noKeeper(keeper);
  }

  /** The server's room, where this pool is counted in from its first use on. */
  private ServerRoom server() {
    ServerRoom known = joined;
    if (known == null) {
      synchronized (this) {
        known = joined;
        if (known == null) {
          known = servers.room(destination == null ? pool.toString() : destination.server());
          known.join(this, settings.size());
          joined = known;
        }
      }
    }
    return known;
  }

  private void findLimit(ServerRoom server) throws SQLException {
    synchronized (server) {
      if (server.knowsLimit()) {
        return;
      }
      Connection connection = open();
      idle.push(new Idle(connection, System.nanoTime()));
      server.limit(serverLimit(connection));
    }
  }

  private static int serverLimit(Connection connection) throws SQLException {
    if (!connection.isWrapperFor(org.postgresql.PGConnection.class)) {
      return Integer.MAX_VALUE;
    }
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(LIMIT)) {
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
      server().closed();
      connection.abort(Runnable::run);
    }
    return null;
  }

  /** Whether its connections are for sandboxes only, and went through {@link Session#prepare}. */
  boolean isDedicated() {
    return source != null;
  }

  LockWatch locks() {
    return locks;
  }

  /** A connection as the application opens them, for looking at the server; the caller's own. */
  Connection observer() throws SQLException {
    if (mustAsk()) {
      throw new SQLException("%s does not say where it leads".formatted(pool));
    }
    return source == null ? asked.connection() : likeThePool();
  }

  private Connection likeThePool() throws SQLException {
    Connection connection = connect();
    prepare(connection);
    return connection;
  }

  private Connection open() throws SQLException {
    ServerRoom server = server();
    server.opening();
    try {
      Connection connection = patiently(this::likeThePool);
      if (connection.isWrapperFor(PgConnection.class)) {
        Session.prepare(connection, locks.timeout());
      }
      return connection;
    } catch (SQLException failed) {
      server.closed();
      throw failed;
    }
  }

  /**
   * Opens a connection that there is room for. The server may still count those that have just been
   * closed, and others may be connected to it of whom nobody here knows.
   */
  Connection patiently(SqlCall<Connection> opening) throws SQLException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(limitMillis());
    while (true) {
      try {
        return opening.call();
      } catch (SQLException failed) {
        boolean full = TOO_MANY_CONNECTIONS.equals(failed.getSQLState());
        if (!full && !NOT_YET.equals(failed.getSQLState())) {
          throw failed;
        }
        if (System.nanoTime() > deadline || Thread.currentThread().isInterrupted()) {
          throw full ? noRoom(failed) : failed;
        }
        if (full) {
          server().makeRoom();
        }
      }
      LockSupport.parkNanos(LOOK_AGAIN_NANOS);
    }
  }

  private Connection connect() throws SQLException {
    DataSource from = Objects.requireNonNull(source);
    return hikari == null || hikari.getUsername() == null
        ? from.getConnection()
        : from.getConnection(hikari.getUsername(), hikari.getPassword());
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
    gate.left(connection);
    if (!isDedicated()) {
      connection.close();
      return;
    }
    if (closed) {
      server().closed();
      connection.close();
    } else {
      idle.push(new Idle(connection, System.nanoTime()));
      Idle oldest = idle.peekLast();
      if (oldest != null && oldest.nanos() > KEPT_IDLE_NANOS) {
        closeUnused(oldest);
      }
    }
    server().release();
  }

  /** Closes a connection for good, so that nobody else is given it. */
  void discard(Connection connection) throws SQLException {
    gate.left(connection);
    if (isDedicated()) {
      server().closed();
      server().release();
    }
    connection.abort(Runnable::run);
  }

  /** Closes the connection that was used least lately; false where there is none. */
  boolean closeOneUnused() throws SQLException {
    Idle oldest = idle.peekLast();
    return oldest != null && closeUnused(oldest);
  }

  private boolean closeUnused(Idle oldest) throws SQLException {
    if (!idle.removeLastOccurrence(oldest)) {
      return false;
    }
    server().closed();
    oldest.connection().close();
    return true;
  }

  private SandboxException noRoom(@Nullable SQLException cause) {
    return new SandboxException(
        ("No connection to %s was free for this sandbox: %s. Raise the server's max_connections,"
                + " make the pools smaller, or run fewer tests at once.")
            .formatted(whereTo(), server().describe()),
        SandboxException.ROOM,
        cause);
  }

  private Object whereTo() {
    return destination == null ? pool : destination.server();
  }

  /** A connection of the pool itself. */
  Connection pooledConnection() throws SQLException {
    return asked.connection();
  }

  /** Whether the pool has ever been asked for a connection, as far as it tells. */
  boolean isRunning() {
    return hikari == null || hikari.isRunning();
  }

  /** Closes what is idle now; what is in use is closed when it comes back. */
  void evict() throws SQLException {
    closeIdle();
    asked.evict();
  }

  Servers servers() {
    return servers;
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
    gate.leave(this);
    locks.close();
    ServerRoom server = joined;
    closeIdle();
    if (server != null) {
      server.leave(this, settings.size());
    }
  }

  /** Closes what no sandbox holds now. */
  void closeIdle() throws SQLException {
    locks.observer().release();
    for (Idle top = idle.poll(); top != null; top = idle.poll()) {
      server().closed();
      top.connection().close();
    }
  }
}
