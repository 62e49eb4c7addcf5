package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Rows or metadata of a test's own database: plain ones until the test ends. */
final class CloneObject extends JdbcHandle {

  private final CloneConnection connection;
  private final Object physical;
  private final @Nullable Statement statement;

  private CloneObject(CloneConnection connection, Object physical, @Nullable Statement statement) {
    this.connection = connection;
    this.physical = physical;
    this.statement = statement;
  }

  /**
   * @param statement the statement, as the application holds it, of the rows; or null
   */
  static <T> T wrap(
      CloneConnection connection,
      Class<T> type,
      @Nullable Object physical,
      @Nullable Statement statement) {
    return type.cast(
        Proxy.newProxyInstance(
            CloneObject.class.getClassLoader(),
            new Class<?>[] {type},
            new CloneObject(connection, Objects.requireNonNull(physical), statement)));
  }

  @Override
  void refused(SandboxException refusal) {
    connection.refused(refusal);
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    switch (method.getName()) {
      case "toString", "close", "isClosed":
        return Reflect.call(method, physical, args);
      case "getConnection":
        return connection.proxy();
      case "getStatement":
        return statement(Reflect.call(method, physical, args));
      case "unwrap", "isWrapperFor":
        return wrapper(self, method, args, physical);
      default:
        SqlCall<@Nullable Object> reading = () -> Reflect.call(method, physical, args);
        Object result =
            physical instanceof ResultSet
                ? connection.read(this, reading)
                : connection.run(Request.call(method.getName()), reading);
        return result instanceof ResultSet rows
            ? wrap(connection, ResultSet.class, rows, null)
            : result;
    }
  }

  private @Nullable Statement statement(@Nullable Object own) {
    return statement == null && own instanceof PreparedStatement prepared
        ? new CloneStatement(connection, prepared, prepared.toString())
            .proxy(PreparedStatement.class)
        : statement;
  }
}
