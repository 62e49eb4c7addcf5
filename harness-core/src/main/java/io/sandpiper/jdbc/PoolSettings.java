package io.sandpiper.jdbc;

import java.lang.reflect.InvocationTargetException;
import java.util.Collection;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** The settings of a connection pool of whatever make, read from its bean properties. */
record PoolSettings(DataSource pool) {

  /** Its JDBC URL, or null where it has none. */
  @Nullable String url() {
    return text("getJdbcUrl", "getUrl", "getURL");
  }

  @Nullable String user() {
    return text("getUsername", "getUserName", "getUser");
  }

  /** What makes its sessions different from others of the same user. */
  String session() {
    return "%s %s".formatted(text("getSchema", "getDefaultSchema"), initSql());
  }

  private @Nullable Object initSql() {
    Object sql = first("getConnectionInitSql", "getInitSQL", "getConnectionInitSqls");
    return sql instanceof Collection<?> none && none.isEmpty() ? null : sql;
  }

  /** How many connections it opens at most; 0 where it does not say so. */
  int size() {
    return first("getMaximumPoolSize", "getMaxTotal", "getMaxActive", "getMaxPoolSize")
            instanceof Integer size
        ? Math.max(size, 0)
        : 0;
  }

  boolean autoCommit() {
    return first("isAutoCommit", "getDefaultAutoCommit", "isDefaultAutoCommit")
            instanceof Boolean autoCommit
        ? autoCommit
        : true;
  }

  private @Nullable String text(String... getters) {
    return first(getters) instanceof String text && !text.isEmpty() ? text : null;
  }

  private @Nullable Object first(String... getters) {
    for (String getter : getters) {
      try {
        Object value = pool.getClass().getMethod(getter).invoke(pool);
        if (value != null) {
          return value;
        }
      } catch (NoSuchMethodException | IllegalAccessException | InvocationTargetException none) {
        // Then another make's name for it may be there.
        continue;
      }
    }
    return null;
  }
}
