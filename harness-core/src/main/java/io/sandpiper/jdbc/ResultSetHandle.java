package io.sandpiper.jdbc;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;

/** The rows of a statement of a sandbox; what writes through them goes under the lease. */
final class ResultSetHandle extends JdbcHandle {

  private final ConnectionHandle connection;
  private final ResultSet physical;
  private final @Nullable Statement statement;

  private ResultSetHandle(
      ConnectionHandle connection, ResultSet physical, @Nullable Statement statement) {
    this.connection = connection;
    this.physical = physical;
    this.statement = statement;
  }

  static ResultSet wrap(
      ConnectionHandle connection, ResultSet physical, @Nullable Statement statement) {
    return (ResultSet)
        Proxy.newProxyInstance(
            ResultSetHandle.class.getClassLoader(),
            new Class<?>[] {ResultSet.class},
            new ResultSetHandle(connection, physical, statement));
  }

  @Override
  @Nullable Object call(Object self, Method method, @Nullable Object @Nullable [] args)
      throws SQLException {
    switch (method.getName()) {
      case "getStatement":
        return statement;
      case "close", "isClosed":
        return Reflect.call(method, physical, args);
      case "updateRow", "insertRow", "deleteRow", "refreshRow":
        return connection.execute(
            false, method.getName() + "()", () -> Reflect.call(method, physical, args));
      default:
        connection.check(method.getName() + "()");
        return Reflect.call(method, physical, args);
    }
  }
}
