package io.sandpiper.jdbc;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
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
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.PgConnection;

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
  private final ConnectionRoom room;
  private final Object key;
  private final Map<List<@Nullable String>, SandboxDataSource> byUser = new ConcurrentHashMap<>();
  private final Run run;
  private final @Nullable LeakCheck leakCheck;
  private final CheckedDatabase.Source source = new CheckSource();
  private final @Nullable CheckedDatabase checked;
  private final Servers servers;
  private final Facts ownFacts = new Facts();
  private final AtomicLong setUps;
  private final SqlTexts texts = new SqlTexts();
  private final AtomicReference<@Nullable Clones> clones = new AtomicReference<>();

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
    this.servers = Run.ofThisJvm().shared(Servers.class, Servers::new);
    this.room = new ConnectionRoom(pool, servers, rules.lockTimeout());
    Destination destination = room.destination();
    this.key = destination == null ? this : destination;
    this.setUps = destination == null ? new AtomicLong() : servers.setUps(destination);
    this.leakCheck = rules.leakCheck() ? LeakCheck.of(run) : null;
    this.checked = destination == null ? null : checked(destination);
  }

  /**
   * Wraps a pool, refusing unowned access. A wrapped one is returned as it is; of a router wrap the
   * targets instead.
   */
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
    return ConnectionHandle.open(this);
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

  /** The physical connection that a handle's statements of now go to. */
  Target target(Object use) throws SQLException {
    if (rules.settingUp().getAsBoolean() || Sandbox.isOutside()) {
      return real(Access.SET_UP);
    }
    Work work = Work.current();
    if (work == null) {
      return unowned(use);
    }
    Sandbox sandbox = work.sandbox();
    return sandbox.isolation() == Isolation.NONE ? real(Access.APPLICATION) : shared(sandbox, use);
  }

  private Target unowned(Object use) throws SQLException {
    return switch (rules.unowned()) {
      case REFUSE -> throw UnownedAccessException.refused(use);
      case PASS_THROUGH -> real(Access.APPLICATION);
      case SHARED -> {
        List<Sandbox> open =
            run.openSandboxes().stream()
                .filter(sandbox -> sandbox.isolation() != Isolation.NONE)
                .toList();
        if (open.size() != 1) {
          throw UnownedAccessException.notOne(use, open);
        }
        yield shared(open.get(0), use);
      }
    };
  }

  /** A connection of the pool, through which somebody may change the schema. */
  private Target real(Access access) throws SQLException {
    Object user = Gate.user();
    if (access != Access.SET_UP) {
      // Who sets up may be a test that the template waits for.
      room.gate().await(user);
    }
    Connection connection = checkedConnection();
    room.gate().entered(connection, user);
    Target.Real real = new Target.Real(connection, access);
    noteAccess(real);
    return real;
  }

  private Connection checkedConnection() throws SQLException {
    LeakCheck check = leakCheck;
    if (check == null) {
      return room.pooledConnection();
    }
    CheckedDatabase database = checked;
    if (database != null) {
      return check.setUp(database, room::pooledConnection);
    }
    Connection connection = room.pooledConnection();
    Destination destination = isHandle(connection) ? null : destination(connection);
    return destination == null
        ? connection
        : check.setUp(check.database(destination, source), () -> connection);
  }

  /** A handle that led to a connection for itself was closed. */
  void closed(Target.Real real) {
    room.gate().left(real.connection());
    noteAccess(real);
  }

  private void noteAccess(Target.Real real) {
    if (real.access() == Access.CLONE) {
      return;
    }
    forgetFacts();
    if (real.access() == Access.SET_UP) {
      noteSetUp();
    }
  }

  private void noteSetUp() {
    if (room.mustAsk()) {
      servers.setUpAnywhere();
    } else {
      setUps.incrementAndGet();
    }
  }

  private void forgetFacts() {
    if (room.mustAsk()) {
      servers.forgetFacts();
    } else {
      facts(room.destination()).forget();
    }
  }

  /** What is known of the database that pools share which lead there. */
  private Facts facts(@Nullable Destination destination) {
    return destination == null ? ownFacts : servers.facts(destination);
  }

  SqlTexts texts() {
    return texts;
  }

  private Target shared(Sandbox sandbox, Object use) throws SQLException {
    return room.mustAsk() ? asked(sandbox, use) : own(sandbox, use);
  }

  private Target own(Sandbox sandbox, Object use) throws SQLException {
    SandboxPart part = sandbox.part(key, () -> part(sandbox));
    return part instanceof Clone clone
        ? new Target.Real(clone.connection(use), Access.CLONE)
        : shared(part, sandbox, use);
  }

  private static Target.Shared shared(@Nullable Object part, Sandbox sandbox, Object use)
      throws SandboxEndedException {
    if (part instanceof SandboxConnection connection) {
      return new Target.Shared(connection);
    }
    throw SandboxEndedException.of(sandbox, use.toString());
  }

  /** Whatever the pool gives says where it leads: it may lead somewhere else each time. */
  private Target asked(Sandbox sandbox, Object use) throws SQLException {
    Connection given = room.pooledConnection();
    if (isHandle(given)) {
      return new Target.Real(given, Access.CLONE);
    }
    if (sandbox.isolation() == Isolation.DATABASE) {
      given.close();
      return own(sandbox, use);
    }
    ConnectionRoom offering = room.offering(given);
    try {
      Destination destination = destination(given);
      Target.Shared target =
          shared(
              sandbox.part(
                  destination == null ? key : destination,
                  () -> new SandboxConnection(sandbox, offering, facts(destination))),
              sandbox,
              use);
      target.connection().raw(use);
      return target;
    } finally {
      offering.withdraw();
    }
  }

  private static @Nullable Destination destination(Connection connection) throws SQLException {
    return connection.isWrapperFor(PgConnection.class) ? Destination.of(connection) : null;
  }

  /** Whether it is of another wrapped pool, which has done what is to be done. */
  private static boolean isHandle(Connection connection) throws SQLException {
    return connection.isWrapperFor(SandboxedConnection.class);
  }

  private SandboxPart part(Sandbox sandbox) {
    if (sandbox.isolation() == Isolation.DATABASE) {
      Clone clone = new Clone(sandbox, texts, this::clones, rules.clones().keepFailed());
      if (rules.clones().toldToOthers()) {
        DatabaseToJoin.add(sandbox, clone);
      }
      return clone;
    }
    if (rules.clones().keepFailed()) {
      sandbox.part(HowToKeep.class, HowToKeep::new);
    }
    return new SandboxConnection(sandbox, room, facts(room.destination()));
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
        new CloneFactory(
            new CloneServer(room, address), token, rules.clones().sequencesApart(), setUps::get),
        rules.clones().ahead());
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
   * Lets a sandbox of isolation DATABASE tell other processes of its database before it has used
   * it, where {@code sandpiper.propagate-database} is set; else does nothing. It costs nothing
   * until something is sent.
   */
  public void offerTo(Sandbox sandbox) {
    // A pool of which one has to ask each time where it leads may lead to one that is offered too.
    if (rules.clones().toldToOthers()
        && sandbox.isolation() == Isolation.DATABASE
        && !room.mustAsk()) {
      sandbox.part(key, () -> part(sandbox));
    }
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

  /** In whose name a connection is used by one handle alone. */
  enum Access {
    /** What set-up commits is there for all tests. */
    SET_UP,
    /** The application outside of sandboxes. */
    APPLICATION,
    /** A test in its own database. */
    CLONE
  }

  /** Where a handle leads. */
  sealed interface Target {

    /**
     * A connection for this handle alone.
     *
     * @param access who is given it
     */
    record Real(Connection connection, Access access) implements Target {}

    /** The connection of a sandbox. */
    record Shared(SandboxConnection connection) implements Target {}
  }

  private @Nullable CheckedDatabase checked(Destination destination) {
    return leakCheck == null ? null : leakCheck.database(destination, source);
  }

  /** Closes the connections that are kept for sandboxes; the pool stays open. */
  @Override
  public void close() throws SQLException {
    Clones made = clones.get();
    if (made != null) {
      made.close();
    }
    if (leakCheck != null) {
      leakCheck.remove(source);
    }
    for (SandboxDataSource other : byUser.values()) {
      other.close();
    }
    room.close();
  }

  private final class CheckSource implements CheckedDatabase.Source {

    @Override
    public boolean settingUp() {
      return rules.settingUp().getAsBoolean();
    }

    @Override
    public void ask(CheckedDatabase.Question question) throws SQLException {
      room.ask(question);
    }
  }

  DataSource pool() {
    return pool;
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
