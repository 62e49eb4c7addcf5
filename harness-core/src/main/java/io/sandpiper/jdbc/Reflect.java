package io.sandpiper.jdbc;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.UndeclaredThrowableException;
import java.sql.SQLException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Calls a JDBC method on what a handle stands for. */
final class Reflect {

  private Reflect() {}

  static @Nullable Object call(Method method, Object target, @Nullable Object @Nullable [] args)
      throws SQLException {
    try {
      return method.invoke(target, args);
    } catch (InvocationTargetException thrown) {
      Throwable cause = thrown.getCause();
      if (cause instanceof SQLException failed) {
        throw failed;
      }
      if (cause instanceof RuntimeException failed) {
        throw failed;
      }
      if (cause instanceof Error failed) {
        throw failed;
      }
      throw new UndeclaredThrowableException(cause);
    } catch (IllegalAccessException notPublic) {
      throw new IllegalStateException("JDBC methods are public: " + method, notPublic);
    }
  }

  /** The first argument of a call that has one. */
  static <T> T first(Class<T> type, @Nullable Object @Nullable [] args) {
    return type.cast(Objects.requireNonNull(Objects.requireNonNull(args)[0]));
  }
}
