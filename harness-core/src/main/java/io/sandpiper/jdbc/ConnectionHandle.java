package io.sandpiper.jdbc;

import io.sandpiper.jdbc.SandboxDataSource.Target;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.PgConnection;

/**
 * A connection as the application holds it: remembers what JDBC asks of a connection, and is bound
 * to a physical one by its first statement, for good.
 *
 * <p>Like the connections of other pools it is for one thread at a time; its lease may pass from
 * thread to thread.
 */
final class ConnectionHandle extends JdbcHandle {

  private final SandboxDataSource dataSource;
  private final Connection proxy;
  private final Set<Statement> statements =
      Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>()));
  private boolean autoCommit;
  private boolean readOnly;
  private int isolation = Connection.TRANSACTION_READ_COMMITTED;
  private volatile boolean closed;
  private volatile @Nullable Target target;
  private volatile @Nullable Lease transaction;

  private ConnectionHandle(SandboxDataSource dataSource) {
    this.dataSource = dataSource;
    this.autoCommit = dataSource.poolAutoCommit();
    this.proxy =
        (Connection)
            Proxy.newProxyInstance(
                ConnectionHandle.class.getClassLoader(),
                new Class<?>[] {Connection.class, SandboxedConnection.class},
                this);
  }

  static Connection open(SandboxDataSource dataSource) {
    return new ConnectionHandle(dataSource).proxy;
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
      default:
        break;
    }
    if (closed) {
      throw new SQLException("This connection has been closed.", "08003");
    }
    Target bound = target;
    if (bound instanceof Target.Real real) {
      return Reflect.call(method, real.connection(), args);
    }
    return remembered(method, args);
  }

  /** What a handle answers out of its memory, bound to a sandbox or not bound yet. */
  private @Nullable Object remembered(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    switch (method.getName()) {
      case "getAutoCommit":
        return autoCommit;
      case "setAutoCommit":
        setAutoCommit(Reflect.first(Boolean.class, args));
        return null;
      case "isReadOnly":
        return readOnly;
      case "setReadOnly":
        readOnly = Reflect.first(Boolean.class, args);
        return null;
      case "getTransactionIsolation":
        return isolation;
      case "setTransactionIsolation":
        isolation = Reflect.first(Integer.class, args);
        return null;
      case "isValid":
        return isUsable();
      case "getWarnings", "clearWarnings", "getNetworkTimeout", "setNetworkTimeout":
        return method.getReturnType() == int.class ? 0 : null;
      case "commit", "rollback":
        if (args == null) {
          endTransaction(method.getName().equals("commit"));
          return null;
        }
        return onServer(method, args);
      case "isWrapperFor":
        return isWrapperFor(Reflect.first(Class.class, args));
      default:
        return bound(method, args);
    }
  }

  private @Nullable Object bound(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    String use =
        args != null && args[0] instanceof String sql && method.getName().startsWith("prepare")
            ? Sql.brief(sql)
            : method.getName() + "()";
    Target bound = bind(use);
    if (bound instanceof Target.Real real) {
      return Reflect.call(method, real.connection(), args);
    }
    SandboxConnection connection = ((Target.Shared) bound).connection();
    switch (method.getName()) {
      case "createStatement":
        return statement(Statement.class, method, connection, args, null);
      case "prepareStatement":
        return statement(
            PreparedStatement.class,
            method,
            connection,
            args,
            allowed(Reflect.first(String.class, args)));
      case "prepareCall":
        return statement(
            CallableStatement.class,
            method,
            connection,
            args,
            allowed(Reflect.first(String.class, args)));
      case "unwrap":
        return unwrap(Reflect.first(Class.class, args), connection.raw(use));
      case "nativeSQL":
        return Reflect.call(method, connection.raw(use), args);
      default:
        return onServer(method, args);
    }
  }

  private Target bind(String use) throws SQLException {
    Target bound = target;
    if (bound != null) {
      return bound;
    }
    bound = dataSource.target(use);
    if (bound instanceof Target.Real real) {
      takeOver(real.connection());
    }
    target = bound;
    return bound;
  }

  private void takeOver(Connection real) throws SQLException {
    if (real.isReadOnly() != readOnly) {
      real.setReadOnly(readOnly);
    }
    if (isolation != Connection.TRANSACTION_READ_COMMITTED) {
      real.setTransactionIsolation(isolation);
    }
    if (real.getAutoCommit() != autoCommit) {
      real.setAutoCommit(autoCommit);
    }
  }

  private Statement statement(
      Class<? extends Statement> type,
      Method method,
      SandboxConnection connection,
      @Nullable Object @Nullable [] args,
      @Nullable String sql)
      throws SQLException {
    PgConnection raw = connection.raw(sql == null ? "createStatement()" : Sql.brief(sql));
    Statement physical = (Statement) Reflect.call(method, raw, args);
    return new StatementHandle(this, Objects.requireNonNull(physical), sql).proxy(type);
  }

  /** Refuses transaction control as text: it would end the sandbox's transaction. */
  static String allowed(String sql) throws SandboxException {
    String control = Sql.transactionControl(sql);
    if (control != null) {
      throw new SandboxException(
          ("%s as SQL text is not supported in a TRANSACTION sandbox, whose one transaction it"
                  + " would end: %s. Use the connection's commit() and rollback(), or Spring's"
                  + " transactions.")
              .formatted(control, Sql.brief(sql)),
          SandboxException.NOT_SUPPORTED);
    }
    return sql;
  }

  /** Any other call of the connection; what it sends is not known, so it gets its savepoint. */
  private @Nullable Object onServer(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    String use = method.getName() + "()";
    SandboxConnection connection = shared(use);
    Object result = execute(false, use, () -> Reflect.call(method, connection.raw(use), args));
    return result instanceof DatabaseMetaData metaData
        ? MetaDataHandle.wrap(this, metaData)
        : result;
  }

  <T extends @Nullable Object> T execute(boolean autosaves, String use, SqlCall<T> call)
      throws SQLException {
    if (closed) {
      throw new SQLException("This connection has been closed.", "08003");
    }
    return shared(use).execute(this, transaction, !autoCommit, autosaves, use, call);
  }

  private SandboxConnection shared(String use) throws SQLException {
    if (bind(use) instanceof Target.Shared bound) {
      return bound.connection();
    }
    throw new IllegalStateException("The handle is bound to a connection of the pool: " + use);
  }

  /** Called by the connection when a transaction of this handle has got its lease. */
  void begun(Lease lease) {
    transaction = lease;
    if (lease.work() != null) {
      lease.work().hold();
    }
  }

  boolean inTransaction() {
    return !autoCommit;
  }

  /** Throws where the sandbox of this handle has ended. */
  void check(String use) throws SQLException {
    if (target instanceof Target.Shared bound) {
      bound.connection().check(use);
    }
  }

  void journal(String text) {
    if (target instanceof Target.Shared bound) {
      bound.connection().sandbox().journal().note(text);
    }
  }

  private void setAutoCommit(boolean wanted) throws SQLException {
    if (wanted && !autoCommit) {
      end(true, "setAutoCommit(true)");
    }
    autoCommit = wanted;
  }

  private void endTransaction(boolean commit) throws SQLException {
    String use = commit ? "commit()" : "rollback()";
    if (autoCommit) {
      throw new SQLException(
          "Cannot %s when autoCommit is enabled.".formatted(commit ? "commit" : "rollback"),
          "25P01");
    }
    end(commit, use);
  }

  private void end(boolean commit, String use) throws SQLException {
    Lease lease = transaction;
    if (lease == null) {
      return;
    }
    transaction = null;
    if (target instanceof Target.Shared bound) {
      bound.connection().end(lease, commit, use);
    }
  }

  private void close() throws SQLException {
    if (closed) {
      return;
    }
    closed = true;
    if (target instanceof Target.Real real) {
      real.connection().close();
      return;
    }
    try {
      for (Statement statement : statements.toArray(Statement[]::new)) {
        statement.close();
      }
    } finally {
      closeTransaction();
    }
  }

  private void closeTransaction() throws SQLException {
    try {
      end(false, "close()");
    } catch (SandboxEndedException alreadyRolledBack) {
      // What close() asks for has happened.
      transaction = null;
    }
  }

  private void abort(Executor executor) throws SQLException {
    if (target instanceof Target.Real real) {
      closed = true;
      real.connection().abort(executor);
    } else {
      close();
    }
  }

  private boolean isUsable() throws SQLException {
    try {
      check("isValid()");
      return true;
    } catch (SandboxException ended) {
      return false;
    }
  }

  private boolean isWrapperFor(Class<?> type) {
    return type.isInstance(proxy) || type.isAssignableFrom(PgConnection.class);
  }

  private Object unwrap(Class<?> type, PgConnection raw) throws SQLException {
    return type.isInstance(proxy) ? proxy : raw.unwrap(type);
  }

  void opened(Statement physical) {
    statements.add(physical);
  }

  void closed(Statement physical) {
    statements.remove(physical);
  }
}
