package io.sandpiper.jdbc;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which sandbox and which connection of the application a text comes from, as a comment in it says.
 */
record Tag(long sandbox, int handle) {

  private static final Pattern TEXT = Pattern.compile("^/\\*s(\\d+) h(\\d+)\\*/");

  static @Nullable Tag of(String sql) {
    Matcher found = TEXT.matcher(sql);
    return found.find()
        ? new Tag(Long.parseLong(found.group(1)), Integer.parseInt(found.group(2)))
        : null;
  }

  String comment() {
    return "/*s%d h%d*/ ".formatted(sandbox, handle);
  }
}
