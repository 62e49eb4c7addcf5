package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A statement of a handle that is bound to a sandbox: executes under its lease. */
final class StatementHandle extends JdbcHandle {

  private final ConnectionHandle connection;
  private final Statement physical;
  private final @Nullable String sql;
  private @Nullable Statement proxy;
  private int fetchSize;
  private int batched;
  private @Nullable String batchSql;
  private volatile boolean running;

  StatementHandle(ConnectionHandle connection, Statement physical, @Nullable String sql) {
    this.connection = connection;
    this.physical = physical;
    this.sql = sql;
    connection.opened(physical);
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
        batched = 0;
        return Reflect.call(method, physical, args);
      case "setFetchSize":
        fetchSize = Reflect.first(Integer.class, args);
        return Reflect.call(method, physical, args);
      case "getFetchSize":
        return fetchSize;
      case "cancel":
        cancel();
        return null;
      case "close":
        connection.closed(physical);
        physical.close();
        return null;
      case "getParameterMetaData", "getMetaData":
        return connection.execute(
            false, method.getName() + "()", () -> Reflect.call(method, physical, args));
      case "unwrap", "isWrapperFor":
        return wrapper(self, method, args);
      default:
        connection.check(method.getName() + "()");
        return wrap(Reflect.call(method, physical, args));
    }
  }

  private @Nullable Object execute(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    String text = sql;
    if (text == null) {
      text = ConnectionHandle.allowed(Reflect.first(String.class, args));
    }
    Object result = run(Sql.takesAutosave(text), Sql.brief(text), method, args);
    connection.journal(StatementText.of(text, StatementText.rows(result, physical)));
    return wrap(result);
  }

  private @Nullable Object executeBatch(Method method) throws SQLException {
    String text = Objects.requireNonNullElse(sql != null ? sql : batchSql, "an empty batch");
    boolean autosaves = batched > 0 && Sql.takesAutosave(text);
    batched = 0;
    Object result = run(autosaves, Sql.brief(text), method, null);
    connection.journal(StatementText.of(text, StatementText.batchRows(result)));
    return result;
  }

  private void addBatch(@Nullable Object @Nullable [] args) throws SQLException {
    if (args != null && args[0] instanceof String text) {
      ConnectionHandle.allowed(text);
      if (batched == 0) {
        batchSql = text;
      }
    }
    batched++;
  }

  private @Nullable Object run(
      boolean autosaves, String use, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    return connection.execute(
        autosaves,
        use,
        () -> {
          // A cursor would not survive the next lease's savepoint.
          physical.setFetchSize(connection.inTransaction() ? fetchSize : 0);
          running = true;
          try {
            return Reflect.call(method, physical, args);
          } finally {
            running = false;
          }
        });
  }

  /** A statement that waits for its turn is not on the wire: the cancel would hit another one. */
  private void cancel() throws SQLException {
    if (running) {
      physical.cancel();
    }
  }

  private @Nullable Object wrap(@Nullable Object result) {
    return result instanceof ResultSet rows
        ? ResultSetHandle.wrap(connection, rows, proxy)
        : result;
  }

  private @Nullable Object wrapper(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    Class<?> type = Reflect.first(Class.class, args);
    if (type.isInstance(self)) {
      return method.getName().equals("unwrap") ? self : true;
    }
    return Reflect.call(method, physical, args);
  }
}
