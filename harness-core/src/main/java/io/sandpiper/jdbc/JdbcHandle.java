package io.sandpiper.jdbc;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.sql.SQLClientInfoException;
import java.sql.SQLException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What stands behind a JDBC object that the application holds; each is equal to itself only. */
abstract class JdbcHandle implements InvocationHandler {

  @Override
  public final @Nullable Object invoke(
      Object self, Method method, @Nullable Object @Nullable [] args) throws Exception {
    try {
      return switch (method.getName()) {
        case "equals" -> args != null && args[0] == self;
        case "hashCode" -> System.identityHashCode(self);
        default -> call(self, method, args);
      };
    } catch (SQLException failed) {
      if (failed instanceof SandboxException refusal) {
        refused(refusal);
      }
      throw declared(method, failed);
    }
  }

  /** A proxy hides the message of an exception that its method does not declare. */
  private static Exception declared(Method method, SQLException failed) {
    for (Class<?> type : method.getExceptionTypes()) {
      if (type.isInstance(failed)) {
        return failed;
      }
      if (type == SQLClientInfoException.class) {
        return new SQLClientInfoException(
            failed.getMessage(), failed.getSQLState(), failed.getErrorCode(), Map.of(), failed);
      }
    }
    return new IllegalStateException(failed.getMessage(), failed);
  }

  /** Answers any other method than {@code equals} and {@code hashCode}. */
  abstract @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException;

  /** Takes note of a refusal, which the application may swallow. */
  abstract void refused(SandboxException refusal);

  /** Answers the methods of {@link java.sql.Wrapper}. */
  static @Nullable Object wrapper(
      Object self, Method method, @Nullable Object @Nullable [] args, Object physical)
      throws SQLException {
    Class<?> type = Reflect.first(Class.class, args);
    if (type.isInstance(self)) {
      return method.getName().equals("unwrap") ? self : (Object) true;
    }
    return Reflect.call(method, physical, args);
  }
}
