package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** Metadata of a sandbox's database: most of it is queries, which go under the lease. */
final class MetaDataHandle extends JdbcHandle {

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
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    switch (method.getName()) {
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
