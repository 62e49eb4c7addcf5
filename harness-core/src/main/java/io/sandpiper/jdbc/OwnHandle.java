package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.CallableStatement;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;

/**
 * A JDBC object of a connection that is its handle's own: the same as the driver's, but that it
 * knows the connection as the application does.
 */
final class OwnHandle extends PartHandle {

  private final Object physical;
  private final @Nullable Object statement;

  private OwnHandle(ConnectionHandle connection, Object physical, @Nullable Object statement) {
    super(connection);
    this.physical = physical;
    this.statement = statement;
  }

  /**
   * Wraps what leads back to its connection; anything else is returned as it is.
   *
   * @param statement the wrapped statement that it comes from, or null
   */
  static @Nullable Object wrap(
      ConnectionHandle connection, @Nullable Object result, @Nullable Object statement) {
    Class<?> type = type(result);
    return type == null || result == null
        ? result
        : Proxy.newProxyInstance(
            OwnHandle.class.getClassLoader(),
            new Class<?>[] {type},
            new OwnHandle(connection, result, statement));
  }

  private static @Nullable Class<?> type(@Nullable Object result) {
    if (result instanceof ResultSet) {
      return ResultSet.class;
    }
    if (result instanceof Statement) {
      return result instanceof CallableStatement
          ? CallableStatement.class
          : result instanceof PreparedStatement ? PreparedStatement.class : Statement.class;
    }
    return result instanceof DatabaseMetaData ? DatabaseMetaData.class : null;
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    return switch (method.getName()) {
      case "getConnection" -> {
        Reflect.call(method, physical, args);
        yield connection.proxy();
      }
      case "getStatement" -> {
        Object own = Reflect.call(method, physical, args);
        yield own == null || statement == null ? wrap(connection, own, null) : statement;
      }
      case "unwrap", "isWrapperFor" -> wrapper(self, method, args, physical);
      default ->
          wrap(
              connection,
              Reflect.call(method, physical, args),
              physical instanceof Statement ? self : null);
    };
  }
}
