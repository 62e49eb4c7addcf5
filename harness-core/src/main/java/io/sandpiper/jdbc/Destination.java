package io.sandpiper.jdbc;

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.postgresql.Driver;
import org.postgresql.PGProperty;
import org.postgresql.jdbc.PgConnection;

/**
 * Where the connections of a pool lead: pools with equal ones share the connection of a sandbox.
 *
 * @param server the hosts with their ports
 * @param session what else a pool sets up, such as the schema: the rows of one tenant must not be
 *     looked for in the schema of another
 */
record Destination(String server, String database, String user, String session) {

  private static final Set<String> THIS_MACHINE = Set.of("localhost", "127.0.0.1", "::1", "[::1]");

  /** Where a connection leads, or null where it does not lead to PostgreSQL. */
  static @Nullable Destination of(Connection connection) throws SQLException {
    if (!connection.isWrapperFor(PgConnection.class)) {
      return null;
    }
    DatabaseMetaData metaData = connection.getMetaData();
    String url = metaData.getURL();
    return url == null ? null : of(url, metaData.getUserName(), new Properties(), "");
  }

  /**
   * Reads a URL as the driver does.
   *
   * @param properties what the driver is given beside the URL, which goes before them
   */
  static @Nullable Destination of(
      String url, @Nullable String user, Properties properties, String session) {
    Properties given = new Properties();
    given.putAll(properties);
    if (user != null) {
      given.setProperty(PGProperty.USER.getName(), user);
    }
    Properties parts = Driver.parseURL(withoutProxy(url), given);
    if (parts == null) {
      return null;
    }
    String name = part(parts, PGProperty.USER, System.getProperty("user.name"));
    return new Destination(
        servers(parts),
        part(parts, PGProperty.PG_DBNAME, name),
        name,
        "%s %s %s"
            .formatted(
                part(parts, PGProperty.CURRENT_SCHEMA, ""),
                part(parts, PGProperty.OPTIONS, ""),
                session)
            .strip());
  }

  /** Drivers that stand before another name themselves in the URL: jdbc:p6spy:postgresql:… */
  private static String withoutProxy(String url) {
    return url.replaceFirst("^jdbc:[a-z0-9]+:postgresql:", "jdbc:postgresql:");
  }

  private static String servers(Properties parts) {
    String[] hosts = part(parts, PGProperty.PG_HOST, "localhost").split(",", -1);
    String[] ports = part(parts, PGProperty.PG_PORT, "5432").split(",", -1);
    StringBuilder servers = new StringBuilder();
    for (int i = 0; i < hosts.length; i++) {
      String host = hosts[i].toLowerCase(Locale.ROOT);
      servers
          .append(i == 0 ? "" : ",")
          .append(THIS_MACHINE.contains(host) ? "localhost" : host)
          .append(':')
          .append(ports[Math.min(i, ports.length - 1)]);
    }
    return servers.toString();
  }

  private static String part(Properties parts, PGProperty property, String otherwise) {
    String value = property.getOrDefault(parts);
    return value == null || value.isEmpty() ? otherwise : value;
  }

  /** "localhost:5432/orders". */
  String databaseName() {
    return server + "/" + database;
  }

  @Override
  public String toString() {
    return "%s as %s".formatted(databaseName(), user);
  }
}
