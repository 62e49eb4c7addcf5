package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** A pool as one of its users sees it. */
final class Credentials {

  private Credentials() {}

  static DataSource on(DataSource pool, @Nullable String user, @Nullable String password) {
    return (DataSource)
        Proxy.newProxyInstance(
            Credentials.class.getClassLoader(),
            new Class<?>[] {DataSource.class},
            (self, method, args) -> call(pool, user, password, method, args));
  }

  private static @Nullable Object call(
      DataSource pool,
      @Nullable String user,
      @Nullable String password,
      Method method,
      @Nullable Object @Nullable [] args)
      throws SQLException {
    return switch (method.getName()) {
      case "getConnection" -> pool.getConnection(user, password);
      // What the pool is set to is not true of this user.
      case "isWrapperFor" -> false;
      case "toString" -> "%s as %s".formatted(pool, user);
      default -> Reflect.call(method, pool, args);
    };
  }
}
