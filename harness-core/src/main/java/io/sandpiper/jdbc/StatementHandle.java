package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Array;
import java.sql.BatchUpdateException;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLState;

/** A statement of a handle that is bound to a sandbox: executes under its lease. */
final class StatementHandle extends PartHandle {

  private final Statement physical;
  private final @Nullable SqlText sql;
  private final boolean returnsKeys;
  private final List<SqlText> batch = new ArrayList<>();
  private @Nullable Statement proxy;
  private @Nullable Request prepared;
  private int batched;
  private int fetchSize;
  private boolean streaming;
  private boolean driverFailed;
  private boolean typesKnown;
  private boolean keysKnown;
  private volatile @Nullable Request current;
  private volatile boolean running;
  private boolean closesAfterwards;

  StatementHandle(ConnectionHandle connection, Statement physical, @Nullable SqlText sql)
      throws SQLException {
    this(connection, physical, sql, false);
  }

  /**
   * A statement.
   *
   * @param sql its text, or null where each execution has one
   * @param returnsKeys whether it was made to return what the server has generated
   */
  StatementHandle(
      ConnectionHandle connection, Statement physical, @Nullable SqlText sql, boolean returnsKeys)
      throws SQLException {
    super(connection);
    this.physical = physical;
    this.sql = sql;
    this.returnsKeys = returnsKeys;
    this.fetchSize = physical.getFetchSize();
    connection.opened(this);
  }

  Statement proxy(Class<? extends Statement> type) {
    Statement made =
        (Statement) Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, this);
    proxy = made;
    return made;
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    switch (method.getName()) {
      case "getConnection":
        return connection.proxy();
      case "execute", "executeQuery", "executeUpdate", "executeLargeUpdate":
        return execute(method, args);
      case "executeBatch", "executeLargeBatch":
        return executeBatch(method);
      case "addBatch":
        addBatch(args);
        return Reflect.call(method, physical, args);
      case "clearBatch":
        batch.clear();
        batched = 0;
        return Reflect.call(method, physical, args);
      case "setFetchSize":
        Reflect.call(method, physical, args);
        fetchSize = Reflect.first(Integer.class, args);
        return null;
      case "getFetchSize":
        physical.getFetchSize();
        return fetchSize;
      case "cancel":
        cancel();
        return null;
      case "close":
        close();
        return null;
      case "isClosed", "isCloseOnCompletion", "toString":
        return Reflect.call(method, physical, args);
      case "getResultSet":
        connection.check(this);
        return wrap(Reflect.call(method, physical, args), typesKnown);
      case "getMoreResults":
        typesKnown = false;
        connection.check(this);
        return Reflect.call(method, physical, args);
      case "getGeneratedKeys":
        connection.check(this);
        return wrap(Reflect.call(method, physical, args), keysKnown);
      case "getParameterMetaData":
        return metaData(ParameterMetaData.class, method);
      case "getMetaData":
        return metaData(ResultSetMetaData.class, method);
      case "getObject", "getArray", "getBlob", "getClob":
        return onServer(method, args);
      case "setObject", "setArray", "setBlob", "setClob", "setNClob":
        return setParameter(method, Objects.requireNonNull(args));
      case "unwrap", "isWrapperFor":
        return wrapper(self, method, args, physical);
      default:
        connection.check(this);
        return wrap(Reflect.call(method, physical, args), false);
    }
  }

  private @Nullable Object execute(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    SqlText text = sql;
    Request request = prepared;
    if (text == null || args != null) {
      // A prepared statement refuses a text of its own; what the driver says of it is right.
      text = connection.text(Reflect.first(String.class, args));
      ConnectionHandle.allowed(text);
      request = Request.statement(text);
    } else if (request == null) {
      request = Request.statement(text, physical instanceof PreparedStatement known ? known : null);
      prepared = request;
    }
    Object result = run(request, method, args);
    connection.journal(StatementText.of(text, result, physical));
    return wrap(result, typesKnown);
  }

  private @Nullable Object executeBatch(Method method) throws SQLException {
    List<SqlText> texts = List.copyOf(batch);
    int size = batched;
    batch.clear();
    batched = 0;
    Object result;
    try {
      result = run(Request.batch(texts), method, null);
    } catch (PSQLException failed) {
      physical.clearBatch();
      throw driverFailed ? failed : batchFailed(failed, size);
    } catch (SandboxException refused) {
      physical.clearBatch();
      throw refused;
    }
    if (!texts.isEmpty()) {
      connection.journal(StatementText.ofBatch(texts.get(0), result));
    }
    return result;
  }

  /** What was not the driver's own error, but came before it was called or at the commit after. */
  private static BatchUpdateException batchFailed(PSQLException cause, int size) {
    long[] counts = new long[size];
    Arrays.fill(counts, Statement.EXECUTE_FAILED);
    BatchUpdateException failed =
        new BatchUpdateException(
            "The batch was aborted: %s  Call getNextException to see other errors in the batch."
                .formatted(cause.getMessage()),
            cause.getSQLState(),
            0,
            counts,
            cause);
    failed.setNextException(cause);
    return failed;
  }

  private void addBatch(@Nullable Object @Nullable [] args) throws SQLException {
    batched++;
    if (args != null && args[0] instanceof String text) {
      batch.add(ConnectionHandle.allowed(connection.text(text)));
    } else if (sql != null && batch.isEmpty()) {
      batch.add(sql);
    }
  }

  private @Nullable Object run(Request request, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    current = request;
    driverFailed = false;
    try {
      return connection.execute(request, new Execution(method, args));
    } finally {
      current = null;
    }
  }

  private synchronized void begins() throws SQLException {
    physical.setFetchSize(connection.inTransaction() ? fetchSize : 0);
    running = true;
  }

  private synchronized boolean mustCloseNow() {
    running = false;
    return closesAfterwards;
  }

  /**
   * Closes it. While another thread executes it, it is cancelled and closed after that: the driver
   * would say no more than that it is closed, although the server may have done all.
   */
  void close() throws SQLException {
    connection.closed(this);
    boolean executes;
    synchronized (this) {
      executes = running;
      closesAfterwards = executes;
    }
    if (executes) {
      physical.cancel();
    } else {
      physical.close();
    }
  }

  /** What an execution does under the lease. */
  private final class Execution implements SqlCall<@Nullable Object> {

    private final Method method;
    private final @Nullable Object @Nullable [] args;

    Execution(Method method, @Nullable Object @Nullable [] args) {
      this.method = method;
      this.args = args;
    }

    @Override
    public @Nullable Object call() throws SQLException {
      driverFailed = true;
      // A cursor would not survive the next lease's savepoint.
      streaming = fetchSize > 0 && connection.inTransaction();
      begins();
      try {
        Object result = Reflect.call(method, physical, args);
        driverFailed = false;
        return result;
      } finally {
        if (mustCloseNow()) {
          physical.close();
        }
      }
    }

    @Override
    public void learn(@Nullable Object result) throws SQLException {
      typesKnown = ColumnTypes.learn(result, physical);
      boolean keys = returnsKeys || (args != null && args.length == 2);
      keysKnown = keys && ColumnTypes.learn(physical.getGeneratedKeys());
    }
  }

  private @Nullable Object onServer(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    return wrap(
        connection.execute(
            Request.call(method.getName()), () -> Reflect.call(method, physical, args)),
        false);
  }

  private <T> @Nullable T metaData(Class<T> type, Method method) throws SQLException {
    Object result =
        connection.ask(Request.call(method.getName()), () -> Reflect.call(method, physical, null));
    return result == null ? null : AskingHandle.wrap(type, connection, result);
  }

  /**
   * The driver asks the server for types that it does not know, and stores large objects at once.
   */
  private @Nullable Object setParameter(Method method, @Nullable Object[] args)
      throws SQLException {
    args[1] = AskingHandle.physical(args[1]);
    boolean large = method.getName().endsWith("lob");
    if (large && args[1] != null && !connection.inTransaction()) {
      throw new PSQLException(
          "Large Objects may not be used in auto-commit mode.",
          PSQLState.NO_ACTIVE_SQL_TRANSACTION);
    }
    if (large || args[1] instanceof PGobject || args[1] instanceof Array) {
      return onServer(method, args);
    }
    connection.check(this);
    return Reflect.call(method, physical, args);
  }

  /** A statement that waits for its turn is not on the wire: the cancel would hit another one. */
  private void cancel() throws SQLException {
    Request waiting = current;
    if (running) {
      physical.cancel();
    } else if (waiting != null) {
      connection.cancelWaiting(waiting);
    }
  }

  private @Nullable Object wrap(@Nullable Object result, boolean typesKnown) {
    if (result instanceof Array) {
      return AskingHandle.wrap(Array.class, connection, result);
    }
    return result instanceof ResultSet rows
        ? ResultSetHandle.wrap(connection, rows, this, typesKnown)
        : result;
  }

  @Nullable Statement proxy() {
    return proxy;
  }

  /** The fetch size that the application has asked for, in rows. */
  int fetchSize() {
    return fetchSize;
  }

  /** Whether its result sets fetch their rows bit by bit. */
  boolean streaming() {
    return streaming;
  }

  @Override
  public String toString() {
    return sql == null ? "a statement" : sql.toString();
  }
}
