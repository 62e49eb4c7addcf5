package io.sandpiper.jdbc;

import java.util.List;

/** What a handle wants from the server; each is one request, equal to itself only. */
final class Request {

  private final Object name;
  private final List<SqlText> texts;
  private final boolean autosaves;

  private Request(Object name, List<SqlText> texts, boolean autosaves) {
    this.name = name;
    this.texts = texts;
    this.autosaves = autosaves;
  }

  /** A call of which it is not known what it sends. */
  static Request call(String method) {
    return new Request(method, List.of(), false);
  }

  static Request statement(SqlText text) {
    return new Request(text, List.of(text), text.takesAutosave());
  }

  static Request batch(List<SqlText> texts) {
    return texts.isEmpty()
        ? call("executeBatch")
        : new Request(texts.get(0), List.copyOf(texts), texts.get(0).takesAutosave());
  }

  /** The SQL that is sent, as far as it is known. */
  List<SqlText> texts() {
    return texts;
  }

  /** Whether pgjdbc surely puts its savepoint before what is sent. */
  boolean autosaves() {
    return autosaves;
  }

  /** For errors and the journal. */
  @Override
  public String toString() {
    return name instanceof String method ? method + "()" : name.toString();
  }
}
