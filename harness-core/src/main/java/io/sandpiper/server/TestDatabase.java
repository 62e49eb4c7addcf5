package io.sandpiper.server;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/**
 * A database that tests connect to.
 *
 * @param url its JDBC URL
 * @param user who connects
 * @param password that user's password; empty where the server asks for none
 */
public record TestDatabase(String url, String user, String password) {

  /** The database and its user, for logs: without the password and the URL's parameters. */
  @Override
  public String toString() {
    return "%s as %s".formatted(location(), user);
  }

  /** Another database of the same server, for the same user. */
  TestDatabase named(String name) {
    String escaped = URLEncoder.encode(name, StandardCharsets.UTF_8);
    return new TestDatabase(
        url.replaceFirst("/[^/?]*(\\?|$)", "/" + escaped + "$1"), user, password);
  }

  /** The URL without its parameters, which may hold a password. */
  String location() {
    return url.replaceFirst("\\?.*", "");
  }
}
