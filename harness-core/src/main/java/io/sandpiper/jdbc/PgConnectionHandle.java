package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyDual;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.copy.CopyOut;
import org.postgresql.core.BaseConnection;
import org.postgresql.fastpath.Fastpath;
import org.postgresql.fastpath.FastpathArg;
import org.postgresql.jdbc.AutoSave;
import org.postgresql.largeobject.LargeObjectManager;

/** The driver's own interface of a connection that is shared: COPY, large objects and the rest. */
final class PgConnectionHandle extends PartHandle {

  private static final Set<String> ASKS =
      Set.of("execSQLQuery", "execSQLUpdate", "getObject", "createArrayOf", "alterUserPassword");

  private static final Set<String> CHANGES =
      Set.of(
          "addDataType",
          "setPrepareThreshold",
          "setDefaultFetchSize",
          "setQueryTimeout",
          "setAdaptiveFetch",
          "setFlushCacheOnDeallocate");

  private final SandboxConnection shared;
  private final BaseConnection proxy;
  private @Nullable CopyManager copies;
  private @Nullable Fastpath fastpath;
  private @Nullable LargeObjectManager largeObjects;

  PgConnectionHandle(ConnectionHandle connection, SandboxConnection shared) {
    super(connection);
    this.shared = shared;
    this.proxy =
        (BaseConnection)
            Proxy.newProxyInstance(
                PgConnectionHandle.class.getClassLoader(),
                new Class<?>[] {BaseConnection.class},
                this);
  }

  PGConnection proxy() {
    return proxy;
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    if (method.getDeclaringClass().isAssignableFrom(Connection.class)) {
      return Reflect.call(method, connection.proxy(), args);
    }
    switch (method.getName()) {
      case "getCopyAPI":
        return copies();
      case "getFastpathAPI":
        return fastpath();
      case "getLargeObjectAPI":
        return largeObjects();
      case "cancelQuery":
        shared.cancel(connection);
        return null;
      case "getAutosave":
        return AutoSave.NEVER;
      case "getNotifications":
        throw refusal("getNotifications()", "PostgreSQL delivers notifications at commit");
      case "setAutosave":
        // The method declares no checked exception.
        throw new UnsupportedOperationException(
            refusal("setAutosave()", "its own savepoints depend on it").getMessage());
      default:
        return onRaw(method, args);
    }
  }

  private @Nullable Object onRaw(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    Request request = request(method, args);
    if (CHANGES.contains(method.getName())) {
      shared.raw(request);
      shared.changedRaw();
    }
    return ASKS.contains(method.getName())
        ? connection.execute(request, () -> Reflect.call(method, shared.raw(request), args))
        : Reflect.call(method, shared.raw(request), args);
  }

  private Request request(Method method, @Nullable Object @Nullable [] args)
      throws SandboxException {
    return method.getName().startsWith("execSQL")
        ? Request.apart(
            ConnectionHandle.allowed(connection.text(Reflect.first(String.class, args))))
        : Request.call(method.getName());
  }

  private static SandboxException refusal(String what, String why) {
    return new SandboxException(
        "%s is not supported in a TRANSACTION sandbox: %s. Give the test @Sandboxed(isolation = DATABASE)."
            .formatted(what, why),
        SandboxException.NOT_SUPPORTED);
  }

  private CopyManager copies() throws SQLException {
    CopyManager known = copies;
    if (known == null) {
      known = new LeasedCopies(connection, proxy);
      copies = known;
    }
    return known;
  }

  private Fastpath fastpath() {
    Fastpath known = fastpath;
    if (known == null) {
      known = new LeasedFastpath(connection, proxy);
      fastpath = known;
    }
    return known;
  }

  private LargeObjectManager largeObjects() throws SQLException {
    LargeObjectManager known = largeObjects;
    if (known == null) {
      known = new LargeObjectManager(proxy);
      largeObjects = known;
    }
    return known;
  }

  /** Each COPY has the lease from its beginning to its end. */
  private static final class LeasedCopies extends CopyManager {

    private final ConnectionHandle connection;

    LeasedCopies(ConnectionHandle connection, BaseConnection driver) throws SQLException {
      super(driver);
      this.connection = connection;
    }

    @Override
    public CopyIn copyIn(String sql) throws SQLException {
      return connection.copy(CopyIn.class, sql, () -> super.copyIn(sql));
    }

    @Override
    public CopyOut copyOut(String sql) throws SQLException {
      return connection.copy(CopyOut.class, sql, () -> super.copyOut(sql));
    }

    @Override
    public CopyDual copyDual(String sql) throws SQLException {
      return connection.copy(CopyDual.class, sql, () -> super.copyDual(sql));
    }
  }

  /** Each call, of large objects for the most part, goes under the lease. */
  private static final class LeasedFastpath extends Fastpath {

    private final ConnectionHandle connection;

    LeasedFastpath(ConnectionHandle connection, BaseConnection driver) {
      super(driver);
      this.connection = connection;
    }

    @Override
    public byte @Nullable [] fastpath(int function, FastpathArg[] args) throws SQLException {
      return connection.execute(Request.call("fastpath"), () -> super.fastpath(function, args));
    }
  }
}
