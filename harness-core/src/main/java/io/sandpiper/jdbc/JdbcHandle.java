package io.sandpiper.jdbc;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** What stands behind a JDBC object that the application holds; each is equal to itself only. */
abstract class JdbcHandle implements InvocationHandler {

  @Override
  public final @Nullable Object invoke(
      Object self, Method method, @Nullable Object @Nullable [] args) throws SQLException {
    try {
      return switch (method.getName()) {
        case "equals" -> args != null && args[0] == self;
        case "hashCode" -> System.identityHashCode(self);
        default -> call(self, method, args);
      };
    } catch (SandboxException refusal) {
      refused(refusal);
      throw refusal;
    }
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
