package io.sandpiper.jdbc;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The bare words and semicolons of SQL text, in upper case; literals, quoted names, comments and
 * other punctuation are passed over.
 */
final class SqlLexer {

  private final String sql;
  private int at;
  private int start;

  SqlLexer(String sql) {
    this(sql, 0);
  }

  private SqlLexer(String sql, int at) {
    this.sql = sql;
    this.at = at;
  }

  /** Another one at the same place, which may read ahead. */
  SqlLexer ahead() {
    return new SqlLexer(sql, at);
  }

  /** Where the last word or semicolon began; the length of the text at its end. */
  int start() {
    return start;
  }

  /** The next word or {@code ";"}, or null at the end. */
  @Nullable String next() {
    while (at < sql.length()) {
      char c = sql.charAt(at);
      start = at;
      if (Character.isLetter(c) || c == '_') {
        String word = word();
        if (word.equals("E") && at < sql.length() && sql.charAt(at) == '\'') {
          skipQuoted('\'', true);
          continue;
        }
        return word;
      }
      if (c == ';') {
        at++;
        return ";";
      }
      skip(c);
    }
    start = at;
    return null;
  }

  /** The name that comes next, as the server knows it, or null where none does. */
  @Nullable String name() {
    while (at < sql.length()) {
      char c = sql.charAt(at);
      if (c == '"') {
        return quotedName();
      }
      if (Character.isLetter(c) || c == '_') {
        return word().toLowerCase(Locale.ROOT);
      }
      if (!Character.isWhitespace(c) && !atComment()) {
        return null;
      }
      skip(c);
    }
    return null;
  }

  private String quotedName() {
    int first = at + 1;
    do {
      skipQuoted('"', false);
    } while (at < sql.length() && sql.charAt(at) == '"');
    return sql.substring(first, Math.max(first, at - 1)).replace("\"\"", "\"");
  }

  private boolean atComment() {
    return sql.startsWith("--", at) || sql.startsWith("/*", at);
  }

  private String word() {
    int first = at;
    while (at < sql.length() && isWordPart(sql.charAt(at))) {
      at++;
    }
    return sql.substring(first, at).toUpperCase(Locale.ROOT);
  }

  private static boolean isWordPart(char c) {
    return Character.isLetterOrDigit(c) || c == '_' || c == '$';
  }

  private void skip(char c) {
    if (c == '\'' || c == '"') {
      skipQuoted(c, false);
    } else if (sql.startsWith("--", at)) {
      while (at < sql.length() && sql.charAt(at) != '\n' && sql.charAt(at) != '\r') {
        at++;
      }
    } else if (sql.startsWith("/*", at)) {
      skipBlockComment();
    } else if (c == '$') {
      skipDollarQuoted();
    } else if (Character.isDigit(c)) {
      word();
    } else {
      at++;
    }
  }

  private void skipQuoted(char quote, boolean backslashEscapes) {
    for (at++; at < sql.length(); at++) {
      char c = sql.charAt(at);
      if (backslashEscapes && c == '\\') {
        at++;
      } else if (c == quote) {
        at++;
        return;
      }
    }
  }

  private void skipBlockComment() {
    int depth = 0;
    do {
      if (sql.startsWith("/*", at)) {
        depth++;
        at += 2;
      } else if (sql.startsWith("*/", at)) {
        depth--;
        at += 2;
      } else {
        at++;
      }
    } while (depth > 0 && at < sql.length());
  }

  private void skipDollarQuoted() {
    int end = at + 1;
    while (end < sql.length() && isWordPart(sql.charAt(end)) && sql.charAt(end) != '$') {
      end++;
    }
    boolean opens =
        end < sql.length()
            && sql.charAt(end) == '$'
            && !(end > at + 1 && Character.isDigit(sql.charAt(at + 1)));
    if (!opens) {
      at++;
      return;
    }
    String tag = sql.substring(at, end + 1);
    int close = sql.indexOf(tag, end + 1);
    at = close < 0 ? sql.length() : close + tag.length();
  }
}
