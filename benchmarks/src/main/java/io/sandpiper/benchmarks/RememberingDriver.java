package io.sandpiper.benchmarks;

import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverPropertyInfo;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.PgConnection;

/**
 * pgjdbc's driver, which remembers the connections it has opened; public because HikariCP asks for
 * it by its name.
 */
public final class RememberingDriver implements Driver {

  private final Driver driver = new org.postgresql.Driver();
  private final Map<String, List<PgConnection>> opened = new ConcurrentHashMap<>();

  /** All connections to a URL so far. */
  List<PgConnection> opened(String url) {
    return opened.getOrDefault(url, List.of());
  }

  @Override
  public @Nullable Connection connect(String url, Properties properties) throws SQLException {
    Connection connection = driver.connect(url, properties);
    if (connection instanceof PgConnection known) {
      opened.computeIfAbsent(url, any -> new CopyOnWriteArrayList<>()).add(known);
    }
    return connection;
  }

  @Override
  public boolean acceptsURL(String url) throws SQLException {
    return driver.acceptsURL(url);
  }

  @Override
  public DriverPropertyInfo[] getPropertyInfo(String url, Properties properties)
      throws SQLException {
    return driver.getPropertyInfo(url, properties);
  }

  @Override
  public int getMajorVersion() {
    return driver.getMajorVersion();
  }

  @Override
  public int getMinorVersion() {
    return driver.getMinorVersion();
  }

  @Override
  public boolean jdbcCompliant() {
    return driver.jdbcCompliant();
  }

  @Override
  public Logger getParentLogger() throws java.sql.SQLFeatureNotSupportedException {
    return driver.getParentLogger();
  }
}
