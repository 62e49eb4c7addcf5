package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Array;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a statement of a sandbox. What reads rows that the driver has goes straight to them;
 * what may ask the server, or writes there, goes under the lease.
 */
final class ResultSetHandle extends PartHandle {

  private static final Set<String> WRITES =
      Set.of(
          "updateRow",
          "insertRow",
          "deleteRow",
          "refreshRow",
          "moveToInsertRow",
          "moveToCurrentRow",
          "cancelRowUpdates");

  private static final Set<String> MOVES =
      Set.of("next", "absolute", "relative", "first", "last", "beforeFirst", "afterLast", "isLast");

  private final ResultSet physical;
  private final @Nullable StatementHandle statement;
  private final boolean typesKnown;
  private final boolean streaming;

  private ResultSetHandle(
      ConnectionHandle connection,
      ResultSet physical,
      @Nullable StatementHandle statement,
      boolean typesKnown) {
    super(connection);
    this.physical = physical;
    this.statement = statement;
    this.typesKnown = typesKnown;
    this.streaming = statement != null && statement.streaming();
  }

  /**
   * Wraps rows.
   *
   * @param statement whose rows they are, or null where they are metadata's
   * @param typesKnown whether the driver has learnt the columns' types
   */
  static ResultSet wrap(
      ConnectionHandle connection,
      ResultSet physical,
      @Nullable StatementHandle statement,
      boolean typesKnown) {
    return (ResultSet)
        Proxy.newProxyInstance(
            ResultSetHandle.class.getClassLoader(),
            new Class<?>[] {ResultSet.class},
            new ResultSetHandle(connection, physical, statement, typesKnown));
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    String name = method.getName();
    switch (name) {
      case "getStatement":
        return statement(physical.getStatement());
      case "getFetchSize":
        physical.getFetchSize();
        return statement == null || streaming ? physical.getFetchSize() : statement.fetchSize();
      case "close", "isClosed", "toString":
        return Reflect.call(method, physical, args);
      case "unwrap", "isWrapperFor":
        return wrapper(self, method, args, physical);
      default:
        connection.check(this);
        return asksServer(name)
            ? wrap(
                connection.execute(Request.call(name), () -> Reflect.call(method, physical, args)))
            : wrap(Reflect.call(method, physical, args));
    }
  }

  private @Nullable Statement statement(@Nullable Statement raw) throws SQLException {
    if (statement != null || raw == null) {
      return statement == null ? null : statement.proxy();
    }
    return new StatementHandle(connection, raw, null).proxy(Statement.class);
  }

  private boolean asksServer(String method) {
    return (streaming && MOVES.contains(method))
        || method.startsWith("update")
        || WRITES.contains(method)
        || (method.equals("getObject") && !typesKnown);
  }

  private @Nullable Object wrap(@Nullable Object result) {
    if (result instanceof ResultSet rows) {
      return wrap(connection, rows, statement, false);
    }
    if (result instanceof ResultSetMetaData) {
      return AskingHandle.wrap(ResultSetMetaData.class, connection, result);
    }
    if (result instanceof Array) {
      return AskingHandle.wrap(Array.class, connection, result);
    }
    if (result instanceof Blob) {
      return AskingHandle.wrap(Blob.class, connection, result);
    }
    return result instanceof Clob ? AskingHandle.wrap(Clob.class, connection, result) : result;
  }

  @Override
  public String toString() {
    return "rows of " + statement;
  }
}
