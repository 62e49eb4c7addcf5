package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.CallableStatement;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A JDBC object of a connection that is its handle's own: the same as the driver's, but that it
 * knows the connection as the application does.
 */
final class OwnHandle extends PartHandle {

  private static final Set<Class<?>> LEADING_BACK =
      Set.of(
          Statement.class,
          PreparedStatement.class,
          CallableStatement.class,
          ResultSet.class,
          DatabaseMetaData.class);

  private final Object physical;
  private final @Nullable Object statement;

  private OwnHandle(ConnectionHandle connection, Object physical, @Nullable Object statement) {
    super(connection);
    this.physical = physical;
    this.statement = statement;
  }

  /**
   * Calls a method, and wraps the result where it leads back to its connection.
   *
   * @param statement the wrapped statement that a result would come from, or null
   */
  static @Nullable Object call(
      ConnectionHandle connection,
      Method method,
      Object physical,
      @Nullable Object @Nullable [] args,
      @Nullable Object statement)
      throws SQLException {
    Object result = Reflect.call(method, physical, args);
    Class<?> type = method.getReturnType();
    if (type == Object.class && result instanceof ResultSet) {
      type = ResultSet.class;
    } else if (type == Statement.class && result instanceof PreparedStatement) {
      type = PreparedStatement.class;
    }
    return result != null && LEADING_BACK.contains(type)
        ? Proxy.newProxyInstance(
            OwnHandle.class.getClassLoader(),
            new Class<?>[] {type},
            new OwnHandle(connection, result, statement))
        : result;
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
        Object own = call(connection, method, physical, args, null);
        yield own == null || statement == null ? own : statement;
      }
      case "unwrap", "isWrapperFor" -> wrapper(self, method, args, physical);
      default ->
          call(connection, method, physical, args, physical instanceof Statement ? self : null);
    };
  }
}
