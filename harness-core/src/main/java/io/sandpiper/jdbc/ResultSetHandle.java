package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Array;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a statement of a sandbox. What reads rows that the driver has goes straight to them;
 * what may ask the server, or writes there, goes under the lease.
 */
final class ResultSetHandle extends PartHandle {

  /** What a method of a result set does. */
  private enum Kind {
    /** Reads a value of the current row. */
    READS,
    /** Reads what may have to be asked about, or wrapped. */
    READS_OBJECT,
    /** Goes to another row, for which the server is asked where rows are fetched bit by bit. */
    MOVES,
    /** Writes rows, or finds out whether it may. */
    WRITES
  }

  private static final Map<String, Kind> KINDS =
      Arrays.stream(ResultSet.class.getMethods())
          .collect(
              Collectors.toUnmodifiableMap(
                  Method::getName, method -> kind(method.getName()), (kind, same) -> kind));

  private final ResultSet physical;
  private final @Nullable StatementHandle statement;
  private final boolean streaming;
  private boolean typesAsked;
  private boolean typesKnown;

  private ResultSetHandle(
      ConnectionHandle connection,
      ResultSet physical,
      @Nullable StatementHandle statement,
      boolean typesKnown) {
    super(connection);
    this.physical = physical;
    this.statement = statement;
    this.typesAsked = typesKnown;
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
        return call(KINDS.getOrDefault(name, Kind.WRITES), method, args);
    }
  }

  private @Nullable Object call(Kind kind, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    return switch (kind) {
      case READS -> Reflect.call(method, physical, args);
      case READS_OBJECT ->
          wrap(
              typesKnown || !method.getName().equals("getObject")
                  ? Reflect.call(method, physical, args)
                  : learning(method, args));
      case MOVES -> streaming ? onServer(method, args) : Reflect.call(method, physical, args);
      case WRITES -> onServer(method, args);
    };
  }

  /** The driver may have to ask for types; it does so once, for all columns. */
  private @Nullable Object learning(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    return connection.execute(
        Request.call(method.getName()),
        () -> {
          if (!typesAsked) {
            typesKnown = ColumnTypes.learn(physical);
            typesAsked = true;
          }
          return Reflect.call(method, physical, args);
        });
  }

  private @Nullable Object onServer(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    return connection.execute(
        Request.call(method.getName()), () -> Reflect.call(method, physical, args));
  }

  private static Kind kind(String method) {
    return switch (method) {
      case "next",
          "previous",
          "absolute",
          "relative",
          "first",
          "last",
          "beforeFirst",
          "afterLast",
          "isLast" ->
          Kind.MOVES;
      case "getObject", "getArray", "getBlob", "getClob", "getNClob", "getMetaData" ->
          Kind.READS_OBJECT;
      case "insertRow",
          "deleteRow",
          "refreshRow",
          "moveToInsertRow",
          "moveToCurrentRow",
          "cancelRowUpdates" ->
          Kind.WRITES;
      default -> method.startsWith("update") ? Kind.WRITES : Kind.READS;
    };
  }

  private @Nullable Statement statement(@Nullable Statement raw) throws SQLException {
    if (statement != null || raw == null) {
      return statement == null ? null : statement.proxy();
    }
    return raw instanceof PreparedStatement
        ? new StatementHandle(connection, raw, connection.text(raw.toString()))
            .proxy(PreparedStatement.class)
        : new StatementHandle(connection, raw, null).proxy(Statement.class);
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
