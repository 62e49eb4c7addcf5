package io.sandpiper;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Our members of a W3C {@code baggage} header: the test id, and the name of a database. */
final class Baggage {

  private static final String ID = "test.id";
  private static final String DATABASE = "test.db";

  private Baggage() {}

  /** The test id, or null where there is none. What names a database is for others to read. */
  static @Nullable String read(@Nullable String header) {
    for (String member : members(header)) {
      if (is(member, ID)) {
        String value = member.substring(member.indexOf('=') + 1);
        int properties = value.indexOf(';');
        return decoded((properties < 0 ? value : value.substring(0, properties)).trim());
      }
    }
    return null;
  }

  /**
   * The header with our members set anew; the members of others stay as they are.
   *
   * @param database the name to tell, or null
   */
  static String write(@Nullable String header, TestId id, @Nullable String database) {
    List<String> kept = new ArrayList<>();
    for (String member : members(header)) {
      if (!member.isBlank() && !is(member, ID) && !is(member, DATABASE)) {
        kept.add(member.trim());
      }
    }
    kept.add(ID + "=" + id.value());
    if (database != null) {
      kept.add(DATABASE + "=" + encoded(database));
    }
    return String.join(",", kept);
  }

  private static String encoded(String value) {
    return URLEncoder.encode(value, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /** Without percent-encoding, which W3C allows for any character. */
  private static String decoded(String value) {
    try {
      return URLDecoder.decode(value.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException notEncoded) {
      return value;
    }
  }

  private static List<String> members(@Nullable String header) {
    return header == null || header.isBlank() ? List.of() : List.of(header.split(","));
  }

  private static boolean is(String member, String key) {
    int equals = member.indexOf('=');
    return equals > 0 && member.substring(0, equals).trim().equals(key);
  }
}
