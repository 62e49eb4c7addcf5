package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyOperation;
import org.postgresql.jdbc.PSQLSavepoint;
import org.postgresql.jdbc.PgConnection;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLState;
import org.postgresql.util.ServerErrorMessage;

/**
 * A connection as the application holds it: remembers what JDBC asks of a connection, and is bound
 * to a physical one by its first statement, for good.
 *
 * <p>Like the connections of other pools it is for one thread at a time; its lease may pass from
 * thread to thread.
 */
final class ConnectionHandle extends JdbcHandle {

  private final Targets targets;
  private final Connection proxy;
  private final ConnectionSettings settings;
  private final Set<StatementHandle> statements =
      Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>()));
  private volatile boolean closed;
  private volatile @Nullable Target target;
  private volatile @Nullable Lease transaction;
  private @Nullable PgConnectionHandle driverHandle;
  private volatile @Nullable CopyHandle copy;

  private ConnectionHandle(Targets targets) {
    this.targets = targets;
    this.settings = new ConnectionSettings(targets.autoCommit());
    this.proxy =
        (Connection)
            Proxy.newProxyInstance(
                ConnectionHandle.class.getClassLoader(),
                new Class<?>[] {Connection.class, SandboxedConnection.class},
                this);
  }

  static Connection open(Targets targets) {
    return new ConnectionHandle(targets).proxy;
  }

  Connection proxy() {
    return proxy;
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    switch (method.getName()) {
      case "toString":
        return "sandboxed connection " + (target == null ? "not bound yet" : "on " + target);
      case "close":
        close();
        return null;
      case "isClosed":
        return closed;
      case "abort":
        abort(Reflect.first(Executor.class, args));
        return null;
      case "isWrapperFor":
        return isWrapperFor(Reflect.first(Class.class, args));
      default:
        break;
    }
    Target bound = target;
    if (closed) {
      if (method.getName().equals("isValid")) {
        return false;
      }
      throw hasBeenClosed();
    }
    if (bound instanceof Target.Real real) {
      return OwnHandle.call(this, method, real.connection(), args, null);
    }
    return ConnectionSettings.knows(method)
        ? settings.call(method, args, transaction != null)
        : remembered(method, args);
  }

  /** What a handle answers itself, bound to a sandbox or not bound yet. */
  private @Nullable Object remembered(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    switch (method.getName()) {
      case "setAutoCommit":
        setAutoCommit(Reflect.first(Boolean.class, args));
        return null;
      case "isValid":
        return isUsable(Reflect.first(Integer.class, args));
      case "setSavepoint":
        if (!inTransaction()) {
          throw new PSQLException(
              "Cannot establish a savepoint in auto-commit mode.",
              PSQLState.NO_ACTIVE_SQL_TRANSACTION);
        }
        return bound(method, args);
      case "commit", "rollback":
        if (args == null) {
          endTransaction(method.getName().equals("commit"));
          return null;
        }
        return bound(method, args);
      default:
        return bound(method, args);
    }
  }

  private @Nullable Object bound(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    Request request = Request.call(method.getName());
    Target bound = bind(method, args);
    if (bound instanceof Target.Real real) {
      return OwnHandle.call(this, method, real.connection(), args, null);
    }
    SandboxConnection connection = ((Target.Shared) bound).connection();
    switch (method.getName()) {
      case "createStatement":
        return statement(Statement.class, method, connection, args, null);
      case "prepareStatement":
        return statement(PreparedStatement.class, method, connection, args, text(args));
      case "prepareCall":
        return statement(CallableStatement.class, method, connection, args, text(args));
      case "unwrap":
        return unwrap(Reflect.first(Class.class, args), connection);
      case "setSavepoint":
        return setSavepoint(method, args);
      case "rollback", "releaseSavepoint":
        return useSavepoint(Reflect.first(Savepoint.class, args), method, args);
      case "nativeSQL", "getCatalog":
        return Reflect.call(method, connection.raw(request), args);
      case "getClientInfo":
        return clientInfo(connection.raw(request), args);
      default:
        return onServer(method, args);
    }
  }

  private Target bind(Method method, @Nullable Object @Nullable [] args) throws SQLException {
    Target known = target;
    if (known != null) {
      return known;
    }
    boolean isSql = method.getName().startsWith("prepare");
    return bind(isSql ? text(args) : Request.call(method.getName()));
  }

  private Target bind(Object use) throws SQLException {
    Target bound = target;
    if (bound != null) {
      return bound;
    }
    bound = targets.target(use);
    if (bound instanceof Target.Real real) {
      settings.applyTo(real.connection());
    }
    target = bound;
    return bound;
  }

  private SqlText text(@Nullable Object @Nullable [] args) {
    return targets.texts().get(Reflect.first(String.class, args));
  }

  SqlText text(String sql) {
    return targets.texts().get(sql);
  }

  private Statement statement(
      Class<? extends Statement> type,
      Method method,
      SandboxConnection connection,
      @Nullable Object @Nullable [] args,
      @Nullable SqlText sql)
      throws SQLException {
    if (sql != null) {
      allowed(sql);
    }
    PgConnection raw = connection.raw(sql == null ? Request.call(method.getName()) : sql);
    Statement physical =
        settings.holds() && (args == null || args.length == (sql == null ? 0 : 1))
            ? holding(type, raw, sql)
            : (Statement) Reflect.call(method, raw, args);
    boolean returnsKeys = type == PreparedStatement.class && args != null && args.length == 2;
    return new StatementHandle(this, Objects.requireNonNull(physical), sql, returnsKeys)
        .proxy(type);
  }

  private static Statement holding(
      Class<? extends Statement> type, PgConnection raw, @Nullable SqlText sql)
      throws SQLException {
    int rows = ResultSet.TYPE_FORWARD_ONLY;
    int writes = ResultSet.CONCUR_READ_ONLY;
    int holds = ResultSet.HOLD_CURSORS_OVER_COMMIT;
    if (sql == null) {
      return raw.createStatement(rows, writes, holds);
    }
    return type == CallableStatement.class
        ? raw.prepareCall(sql.text(), rows, writes, holds)
        : raw.prepareStatement(sql.text(), rows, writes, holds);
  }

  /** Refuses what would end the sandbox's transaction or could not work in one. */
  static SqlText allowed(SqlText sql) throws SandboxException {
    String refusal = sql.refusal();
    if (refusal != null) {
      throw new SandboxException(
          "Refused: %s. %s. Or give the test @Sandboxed(isolation = DATABASE)."
              .formatted(sql, refusal),
          SandboxException.NOT_SUPPORTED);
    }
    return sql;
  }

  /** Any other call of the connection; what it sends is not known, so it gets its savepoint. */
  private @Nullable Object onServer(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    Request request = Request.call(method.getName());
    SandboxConnection connection = shared(request);
    SqlCall<@Nullable Object> call = () -> Reflect.call(method, connection.raw(request), args);
    Object result = ask(request, call);
    if (result instanceof DatabaseMetaData) {
      return AskingHandle.wrap(DatabaseMetaData.class, this, result);
    }
    return result instanceof java.sql.Array
        ? AskingHandle.wrap(java.sql.Array.class, this, result)
        : result;
  }

  private @Nullable Object clientInfo(PgConnection raw, @Nullable Object @Nullable [] args)
      throws SQLException {
    Properties all = new Properties();
    all.putAll(raw.getClientInfo());
    String own = settings.applicationName();
    all.setProperty("ApplicationName", own != null ? own : shared("").applicationName());
    return args == null ? all : all.getProperty(Reflect.first(String.class, args));
  }

  private Savepoint setSavepoint(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    Request request = Request.call(method.getName());
    SandboxConnection connection = shared(request);
    return execute(
        request,
        () -> {
          Object made = Reflect.call(method, connection.raw(request), args);
          Savepoint savepoint = (Savepoint) Objects.requireNonNull(made);
          Lease lease = transaction;
          if (lease == null) {
            // Another thread has closed the connection meanwhile.
            throw hasBeenClosed();
          }
          lease.taken(SqlText.of("SAVEPOINT " + name(savepoint)).steps());
          lease.releaseAtEnd();
          return savepoint;
        });
  }

  private @Nullable Object useSavepoint(
      Savepoint savepoint, Method method, @Nullable Object @Nullable [] args) throws SQLException {
    String tag =
        method.getName().equals("rollback") ? "ROLLBACK TO SAVEPOINT" : "RELEASE SAVEPOINT";
    if (transaction == null) {
      throw outsideTransaction(tag);
    }
    Request request = Request.apart(SqlText.of(tag + " " + name(savepoint)));
    SandboxConnection connection = shared(request);
    return execute(request, () -> Reflect.call(method, connection.raw(request), args));
  }

  /** As the driver writes it. */
  private static String name(Savepoint savepoint) throws SQLException {
    return savepoint instanceof PSQLSavepoint own ? own.getPGName() : savepoint.getSavepointName();
  }

  <T extends @Nullable Object> T execute(Request request, SqlCall<T> call) throws SQLException {
    if (closed) {
      throw hasBeenClosed();
    }
    refuseOutsideTransaction(request);
    return shared(request).execute(this, transaction, inTransaction(), request, call);
  }

  /** As {@link #execute}, for what a driver asks outside any transaction where none is open. */
  <T extends @Nullable Object> T ask(Request request, SqlCall<T> call) throws SQLException {
    return shared(request).execute(this, transaction, transaction != null, request, call);
  }

  /** The server cannot tell: to it, everything in a sandbox is inside a transaction. */
  private void refuseOutsideTransaction(Request request) throws PSQLException {
    if (inTransaction()) {
      return;
    }
    boolean first = true;
    for (SqlText sql : request.texts()) {
      String needing = first ? sql.needsTransaction() : sql.usesSavepoint();
      if (needing != null) {
        throw outsideTransaction(needing);
      }
      first = false;
    }
  }

  private static PSQLException outsideTransaction(String tag) {
    return new PSQLException(
        new ServerErrorMessage(
            "SERROR\0VERROR\0C25P01\0M%s can only be used in transaction blocks\0".formatted(tag)));
  }

  private SandboxConnection shared(Object use) throws SQLException {
    if (bind(use) instanceof Target.Shared bound) {
      return bound.connection();
    }
    throw new IllegalStateException("The handle is bound to a connection of the pool: " + use);
  }

  /** Takes a request out of the queue for the connection. */
  void cancelWaiting(Object request) {
    if (target instanceof Target.Shared bound) {
      bound.connection().leases().cancel(request);
    }
  }

  /** Begins a COPY, which ends by itself or with this connection. */
  <T extends CopyOperation> T copy(Class<T> type, String sql, SqlCall<T> begin)
      throws SQLException {
    SqlText text = text(sql);
    Request request = Request.apart(allowed(text));
    SandboxConnection connection = shared(request);
    SandboxConnection.Copying<T> copying =
        connection.beginCopy(this, transaction, !inTransaction(), request, begin);
    journal(text);
    CopyHandle handle = new CopyHandle(this, connection, copying, request);
    copy = handle;
    return handle.proxy(type);
  }

  /**
   * Called by the connection when a transaction of this handle has got its lease; false where it
   * was closed meanwhile.
   */
  boolean begun(Lease lease) {
    synchronized (this) {
      if (closed) {
        return false;
      }
      transaction = lease;
    }
    lease.holdWork();
    if (target instanceof Target.Shared bound && settings.isolationIsStronger()) {
      bound.connection().noteIsolation(settings.isolation());
    }
    return true;
  }

  boolean inTransaction() {
    return !settings.autoCommit();
  }

  boolean readOnly() {
    return inTransaction() && settings.readOnly();
  }

  /** The schema that the application has asked for, or null. */
  @Nullable String schema() {
    return settings.schema();
  }

  /** Throws where the sandbox of this handle has ended. */
  void check(Object use) throws SQLException {
    if (target instanceof Target.Shared bound) {
      bound.connection().check(use);
    }
  }

  void journal(Object what) {
    if (target instanceof Target.Shared bound) {
      bound.connection().sandbox().journal().note(what);
    }
  }

  @Override
  void refused(SandboxException refusal) {
    if (!(refusal instanceof SandboxEndedException)) {
      journal("refused: " + refusal.getMessage());
    }
  }

  private void setAutoCommit(boolean wanted) throws SQLException {
    if (wanted && inTransaction()) {
      end(true, Request.call("setAutoCommit"));
    }
    settings.autoCommit(wanted);
  }

  static SQLException hasBeenClosed() {
    return new PSQLException(
        "This connection has been closed.", PSQLState.CONNECTION_DOES_NOT_EXIST);
  }

  private void endTransaction(boolean commit) throws SQLException {
    if (!inTransaction()) {
      throw new PSQLException(
          "Cannot %s when autoCommit is enabled.".formatted(commit ? "commit" : "rollback"),
          PSQLState.NO_ACTIVE_SQL_TRANSACTION);
    }
    end(commit, Request.call(commit ? "commit" : "rollback"));
  }

  private void end(boolean commit, Request request) throws SQLException {
    settings.transactionEnded(commit);
    Lease lease;
    synchronized (this) {
      lease = transaction;
      transaction = null;
    }
    if (lease == null) {
      return;
    }
    if (target instanceof Target.Shared bound) {
      bound.connection().end(lease, commit, request);
    }
  }

  private void close() throws SQLException {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    if (target instanceof Target.Real real) {
      try {
        real.connection().close();
      } finally {
        targets.closed(real);
      }
      return;
    }
    try {
      cancelCopy();
    } finally {
      closeStatements();
    }
  }

  private void cancelCopy() throws SQLException {
    try {
      CopyHandle open = copy;
      if (open != null) {
        open.cancelIfOpen();
      }
    } catch (SandboxEndedException ended) {
      // The connection was closed with the COPY on it.
      copy = null;
    }
  }

  private void closeStatements() throws SQLException {
    try {
      for (StatementHandle statement : statements.toArray(StatementHandle[]::new)) {
        statement.close();
      }
    } finally {
      closeTransaction();
    }
  }

  private void closeTransaction() throws SQLException {
    try {
      end(false, Request.call("close"));
    } catch (SandboxEndedException alreadyRolledBack) {
      // What close() asks for has happened.
      transaction = null;
    }
  }

  private void abort(Executor executor) throws SQLException {
    if (target instanceof Target.Real real) {
      closed = true;
      try {
        real.connection().abort(executor);
      } finally {
        targets.closed(real);
      }
    } else {
      close();
    }
  }

  private boolean isUsable(int seconds) throws SQLException {
    if (seconds < 0) {
      throw new PSQLException(
          "Invalid timeout (%d<0).".formatted(seconds), PSQLState.INVALID_PARAMETER_VALUE);
    }
    try {
      check("isValid()");
      return true;
    } catch (SandboxException ended) {
      return false;
    }
  }

  private boolean isWrapperFor(Class<?> type) throws SQLException {
    if (target instanceof Target.Real real) {
      return type.isInstance(proxy) || real.connection().isWrapperFor(type);
    }
    return type.isInstance(proxy) || isOfDriver(type);
  }

  private static boolean isOfDriver(Class<?> type) {
    return type.isInterface() && type.isAssignableFrom(PgConnection.class);
  }

  private Object unwrap(Class<?> type, SandboxConnection connection) throws SQLException {
    if (type.isInstance(proxy)) {
      return proxy;
    }
    if (isOfDriver(type)) {
      PgConnectionHandle known = driverHandle;
      if (known == null) {
        known = new PgConnectionHandle(this, connection);
        driverHandle = known;
      }
      return known.proxy();
    }
    if (!type.isAssignableFrom(PgConnection.class)) {
      throw new SQLException("Cannot unwrap to " + type.getName());
    }
    throw new SandboxException(
        ("unwrap(%s) is not supported in a TRANSACTION sandbox, whose connection is shared: ask for"
                + " %s, or give the test @Sandboxed(isolation = DATABASE).")
            .formatted(type.getName(), PGConnection.class.getName()),
        SandboxException.NOT_SUPPORTED);
  }

  void opened(StatementHandle statement) {
    statements.add(statement);
  }

  void closed(StatementHandle statement) {
    statements.remove(statement);
  }
}
