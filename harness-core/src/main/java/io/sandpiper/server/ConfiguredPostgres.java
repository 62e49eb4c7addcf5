package io.sandpiper.server;

import java.util.Properties;
import org.jspecify.annotations.Nullable;
import org.postgresql.Driver;
import org.postgresql.PGProperty;

/** A PostgreSQL server that the settings name, and that is left as it is. */
record ConfiguredPostgres(TestDatabase database) implements PostgresSource {

  static ConfiguredPostgres of(String url, ServerChoice choice) {
    Properties parts = parse(url, choice);
    return new ConfiguredPostgres(
        new TestDatabase(
            url,
            setting("user", choice, parts, PGProperty.USER, System.getProperty("user.name")),
            setting("password", choice, parts, PGProperty.PASSWORD, "")));
  }

  @Override
  public boolean ours() {
    return false;
  }

  @Override
  public String describe(String version) {
    return "configured PostgreSQL %s at %s".formatted(version, database.location());
  }

  @Override
  public void close() {}

  private static Properties parse(String url, ServerChoice choice) {
    @Nullable Properties parts =
        url.startsWith("jdbc:postgresql:") ? Driver.parseURL(url, null) : null;
    if (parts == null) {
      throw new IllegalArgumentException(
          "%s is \"%s\", which is no JDBC URL of PostgreSQL: write it as jdbc:postgresql://host:port/database"
              .formatted(choice.nameOf("url"), withoutSecrets(url)));
    }
    return parts;
  }

  /** A URL may carry its password before the host or among its parameters. */
  private static String withoutSecrets(String url) {
    return url.replaceFirst("\\?.*", "").replaceFirst("//[^/@]*@", "//");
  }

  private static String setting(
      String name, ServerChoice choice, Properties parts, PGProperty inUrl, String otherwise) {
    String value = choice.setting(name);
    if (value == null) {
      value = inUrl.getOrDefault(parts);
    }
    return value == null ? otherwise : value;
  }
}
