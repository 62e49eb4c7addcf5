package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;

/** A statement on a test's own database: a plain one that tells the journal. */
final class CloneStatement extends JdbcHandle {

  private final CloneConnection connection;
  private final Statement physical;
  private final @Nullable String sql;
  private @Nullable String batchSql;

  CloneStatement(CloneConnection connection, Statement physical, @Nullable String sql) {
    this.connection = connection;
    this.physical = physical;
    this.sql = sql;
    connection.opened(physical);
  }

  Statement proxy(Class<? extends Statement> type) {
    return (Statement) Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, this);
  }

  @Override
  void refused(SandboxException refusal) {
    connection.refused(refusal);
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    switch (method.getName()) {
      case "toString", "isClosed", "cancel":
        return Reflect.call(method, physical, args);
      case "close":
        connection.closed(physical);
        return Reflect.call(method, physical, args);
      case "execute", "executeQuery", "executeUpdate", "executeLargeUpdate":
        return execute(method, args);
      case "executeBatch", "executeLargeBatch":
        return executeBatch(method, args);
      case "addBatch":
        if (batchSql == null && args != null && args[0] instanceof String text) {
          batchSql = text;
        }
        return run(method, args);
      case "unwrap", "isWrapperFor":
        return wrapper(self, method, args, physical);
      default:
        return run(method, args);
    }
  }

  private @Nullable Object execute(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    SqlText text = connection.text(sql != null ? sql : Reflect.first(String.class, args));
    Object result = connection.execute(text, () -> Reflect.call(method, physical, args));
    connection.journal(StatementText.of(text, result, physical));
    return wrap(result);
  }

  private @Nullable Object executeBatch(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    String first = sql != null ? sql : batchSql;
    Object text = first == null ? "an empty batch" : connection.text(first);
    batchSql = null;
    Object result = connection.execute(text, () -> Reflect.call(method, physical, args));
    connection.journal(StatementText.ofBatch(text, result));
    return result;
  }

  private @Nullable Object run(Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    return wrap(
        connection.run(Request.call(method.getName()), () -> Reflect.call(method, physical, args)));
  }

  private @Nullable Object wrap(@Nullable Object result) {
    return result instanceof ResultSet rows
        ? CloneObject.wrap(connection, ResultSet.class, rows)
        : result;
  }
}
