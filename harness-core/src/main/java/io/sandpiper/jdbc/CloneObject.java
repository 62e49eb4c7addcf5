package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Rows or metadata of a test's own database: plain ones until the test ends. What leads back from
 * them to the application's objects is {@link OwnHandle}'s.
 */
final class CloneObject extends JdbcHandle {

  private final CloneConnection connection;
  private final Object physical;

  private CloneObject(CloneConnection connection, Object physical) {
    this.connection = connection;
    this.physical = physical;
  }

  static <T> T wrap(CloneConnection connection, Class<T> type, @Nullable Object physical) {
    return type.cast(
        Proxy.newProxyInstance(
            CloneObject.class.getClassLoader(),
            new Class<?>[] {type},
            new CloneObject(connection, Objects.requireNonNull(physical))));
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
      case "unwrap", "isWrapperFor":
        return wrapper(self, method, args, physical);
      default:
        SqlCall<@Nullable Object> reading = () -> Reflect.call(method, physical, args);
        Object result =
            physical instanceof ResultSet
                ? connection.read(this, reading)
                : connection.run(Request.call(method.getName()), reading);
        return result instanceof ResultSet rows ? wrap(connection, ResultSet.class, rows) : result;
    }
  }
}
