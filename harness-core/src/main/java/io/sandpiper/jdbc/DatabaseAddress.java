package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.util.DriverDataSource;
import java.sql.SQLException;
import java.util.Objects;
import java.util.Properties;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.Driver;
import org.postgresql.PGProperty;
import org.postgresql.ds.common.BaseDataSource;

/**
 * How a pool reaches its database, so that others on the same server can be reached.
 *
 * @param url the JDBC URL of the pool's own database, perhaps of a proxy driver
 * @param driver the class of the driver, or null where the URL finds it
 * @param properties what else the driver is given
 */
record DatabaseAddress(
    String url,
    @Nullable String driver,
    Properties properties,
    @Nullable String user,
    @Nullable String password) {

  private static final String SCHEME = "postgresql:";

  /** The address of a pool, or null where it does not tell one of PostgreSQL. */
  static @Nullable DatabaseAddress of(DataSource pool, @Nullable HikariDataSource hikari)
      throws SQLException {
    DatabaseAddress address;
    if (hikari != null && hikari.getJdbcUrl() != null) {
      address =
          new DatabaseAddress(
              hikari.getJdbcUrl(),
              hikari.getDriverClassName(),
              hikari.getDataSourceProperties(),
              hikari.getUsername(),
              hikari.getPassword());
    } else {
      BaseDataSource plain = plain(hikari != null ? hikari.getDataSource() : pool);
      if (plain == null) {
        return null;
      }
      address =
          new DatabaseAddress(
              plain.getURL(), null, new Properties(), plain.getUser(), plain.getPassword());
    }
    return address.url().contains(SCHEME) ? address : null;
  }

  private static @Nullable BaseDataSource plain(@Nullable DataSource source) throws SQLException {
    if (source instanceof BaseDataSource itself) {
      return itself;
    }
    return source != null && source.isWrapperFor(BaseDataSource.class)
        ? source.unwrap(BaseDataSource.class)
        : null;
  }

  /** A source of connections to the database of a name on the same server, for the same user. */
  DataSource named(String database) {
    return new DriverDataSource(urlOf(database), driver, properties, user, password);
  }

  /** The pool's own database. */
  DataSource own() {
    return new DriverDataSource(url, driver, properties, user, password);
  }

  private String urlOf(String database) {
    int scheme = url.indexOf(SCHEME) + SCHEME.length();
    int query = url.indexOf('?', scheme);
    String place = query < 0 ? url.substring(scheme) : url.substring(scheme, query);
    String hosts = "";
    if (place.startsWith("//")) {
      int path = place.indexOf('/', 2);
      hosts = (path < 0 ? place : place.substring(0, path)) + "/";
    }
    return url.substring(0, scheme) + hosts + database + (query < 0 ? "" : url.substring(query));
  }

  /** The name of the pool's own database. */
  String database() {
    String name = part(PGProperty.PG_DBNAME);
    return name != null ? name : Objects.requireNonNullElse(user, "postgres");
  }

  /** The line that opens a database in PostgreSQL's own client; it asks for the password. */
  String psql(String database) {
    return "psql -h %s -p %s%s -d %s"
        .formatted(
            Objects.requireNonNullElse(part(PGProperty.PG_HOST), "localhost"),
            Objects.requireNonNullElse(part(PGProperty.PG_PORT), "5432"),
            user == null ? "" : " -U " + user,
            database);
  }

  private @Nullable String part(PGProperty property) {
    Properties parts = Driver.parseURL("jdbc:" + url.substring(url.indexOf(SCHEME)), null);
    return parts == null ? null : property.getOrDefault(parts);
  }
}
