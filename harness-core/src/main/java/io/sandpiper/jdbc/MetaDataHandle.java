package io.sandpiper.jdbc;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import org.jspecify.annotations.Nullable;

/** Metadata of a sandbox's database: most of it is queries, which go under the lease. */
final class MetaDataHandle implements InvocationHandler {

  private final ConnectionHandle connection;
  private final DatabaseMetaData physical;

  private MetaDataHandle(ConnectionHandle connection, DatabaseMetaData physical) {
    this.connection = connection;
    this.physical = physical;
  }

  static DatabaseMetaData wrap(ConnectionHandle connection, DatabaseMetaData physical) {
    return (DatabaseMetaData)
        Proxy.newProxyInstance(
            MetaDataHandle.class.getClassLoader(),
            new Class<?>[] {DatabaseMetaData.class},
            new MetaDataHandle(connection, physical));
  }

  @Override
  public @Nullable Object invoke(Object self, Method method, @Nullable Object @Nullable [] args)
      throws Throwable {
    switch (method.getName()) {
      case "equals":
        return args != null && args[0] == self;
      case "hashCode":
        return System.identityHashCode(self);
      case "getConnection":
        return connection.proxy();
      default:
        Object result =
            connection.execute(
                false, method.getName() + "()", () -> Reflect.call(method, physical, args));
        return result instanceof ResultSet rows
            ? ResultSetHandle.wrap(connection, rows, null)
            : result;
    }
  }
}
