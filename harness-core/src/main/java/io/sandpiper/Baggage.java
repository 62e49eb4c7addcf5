package io.sandpiper;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Our member of a W3C {@code baggage} header. */
final class Baggage {

  private static final String MEMBER = "test.id";

  private Baggage() {}

  /** The value of our member, or null where there is none. */
  static @Nullable String read(@Nullable String header) {
    for (String member : members(header)) {
      if (isOurs(member)) {
        String value = member.substring(member.indexOf('=') + 1);
        int properties = value.indexOf(';');
        return decoded((properties < 0 ? value : value.substring(0, properties)).trim());
      }
    }
    return null;
  }

  /** The header with our member set; the members of others stay as they are. */
  static String write(@Nullable String header, TestId id) {
    List<String> kept = new ArrayList<>();
    for (String member : members(header)) {
      if (!member.isBlank() && !isOurs(member)) {
        kept.add(member.trim());
      }
    }
    kept.add(MEMBER + "=" + id.value());
    return String.join(",", kept);
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

  private static boolean isOurs(String member) {
    int equals = member.indexOf('=');
    return equals > 0 && member.substring(0, equals).trim().equals(MEMBER);
  }
}
