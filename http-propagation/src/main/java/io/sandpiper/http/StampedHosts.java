package io.sandpiper.http;

import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The hosts that may see a test id: loopback always, and those that are named.
 *
 * <p>Decided by the name as it is written, never by a look-up: what a name resolves to may change
 * between the decision and the connection.
 *
 * @param named exact names in lower case, and suffixes such as {@code .example.org}
 */
record StampedHosts(Set<String> named) {

  static final String PROPERTY = "sandpiper.http.hosts";

  private static final Pattern OCTETS = Pattern.compile("127(\\.(25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}");
  private static final Pattern NAME = Pattern.compile("(\\*\\.)?[a-z0-9_-]+(\\.[a-z0-9_-]+)*");

  static StampedHosts of(String... hosts) {
    return of(List.of(hosts));
  }

  static StampedHosts of(List<String> hosts) {
    Set<String> named = new LinkedHashSet<>();
    for (String host : hosts) {
      named.add(checked(host));
    }
    return new StampedHosts(Set.copyOf(named));
  }

  private static String checked(String host) {
    String name = host.trim().toLowerCase(Locale.ROOT);
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException(
          ("'%s' is no host to stamp. Name hosts without scheme and port, exactly or as *.suffix,"
                  + " in %s or in the call of wrap.")
              .formatted(host, PROPERTY));
    }
    return name.startsWith("*") ? name.substring(1) : name;
  }

  /** These and others. */
  StampedHosts and(StampedHosts others) {
    Set<String> all = new LinkedHashSet<>(named);
    all.addAll(others.named);
    return new StampedHosts(Set.copyOf(all));
  }

  /** Whether a request to this place may carry the id. */
  boolean include(URI uri) {
    String host = uri.getHost();
    return host != null && include(host.toLowerCase(Locale.ROOT));
  }

  private boolean include(String host) {
    return isLoopback(host)
        || named.contains(host)
        || named.stream().anyMatch(name -> name.startsWith(".") && host.endsWith(name));
  }

  private static boolean isLoopback(String host) {
    return host.equals("localhost") || OCTETS.matcher(host).matches() || isLoopbackLiteral(host);
  }

  private static boolean isLoopbackLiteral(String host) {
    // In brackets it is an address, which Java parses without asking a name server.
    return host.startsWith("[") && isLoopback(parse(host));
  }

  private static boolean isLoopback(@Nullable InetAddress address) {
    return address != null && address.isLoopbackAddress();
  }

  private static @Nullable InetAddress parse(String literal) {
    try {
      return InetAddress.getByName(literal);
    } catch (UnknownHostException noAddress) {
      return null;
    }
  }
}
