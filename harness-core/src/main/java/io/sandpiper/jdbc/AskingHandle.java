package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLState;

/**
 * A JDBC object whose calls may ask the server, so they go under the lease: metadata, arrays and
 * large objects.
 */
final class AskingHandle extends PartHandle {

  /** Answered from what the server has sent already. */
  private static final Set<String> KNOWN =
      Set.of("getColumnCount", "getColumnLabel", "getColumnName", "getParameterCount", "free");

  private final Object physical;

  private AskingHandle(ConnectionHandle connection, Object physical) {
    super(connection);
    this.physical = physical;
  }

  static <T> T wrap(Class<T> type, ConnectionHandle connection, Object physical) {
    return type.cast(
        Proxy.newProxyInstance(
            AskingHandle.class.getClassLoader(),
            new Class<?>[] {type},
            new AskingHandle(connection, physical)));
  }

  /** What stands behind an argument that the application was given here before. */
  static @Nullable Object physical(@Nullable Object argument) {
    return argument != null
            && Proxy.isProxyClass(argument.getClass())
            && Proxy.getInvocationHandler(argument) instanceof AskingHandle handle
        ? handle.physical
        : argument;
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    if (method.getReturnType() == Connection.class) {
      return connection.proxy();
    }
    if (KNOWN.contains(method.getName()) || method.getDeclaringClass() == Object.class) {
      return Reflect.call(method, physical, args);
    }
    if (method.getDeclaringClass() == java.sql.Wrapper.class) {
      return wrapper(self, method, args, physical);
    }
    if ((physical instanceof Blob || physical instanceof Clob) && !connection.inTransaction()) {
      throw new PSQLException(
          "Large Objects may not be used in auto-commit mode.",
          PSQLState.NO_ACTIVE_SQL_TRANSACTION);
    }
    Object result =
        connection.ask(Request.call(method.getName()), () -> Reflect.call(method, physical, args));
    return result instanceof ResultSet rows
        ? ResultSetHandle.wrap(connection, rows, null, false)
        : result;
  }
}
