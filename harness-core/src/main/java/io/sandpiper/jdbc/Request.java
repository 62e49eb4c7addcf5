package io.sandpiper.jdbc;

import java.util.List;

/** What a handle wants from the server; each is one request, equal to itself only. */
final class Request {

  private final Object name;
  private final List<SqlText> texts;
  private final boolean autosaves;
  private final boolean batch;

  private Request(Object name, List<SqlText> texts, boolean autosaves, boolean batch) {
    this.name = name;
    this.texts = texts;
    this.autosaves = autosaves;
    this.batch = batch;
  }

  /** A call of which it is not known what it sends. */
  static Request call(String method) {
    return new Request(method, List.of(), false, false);
  }

  static Request statement(SqlText text) {
    return new Request(text, List.of(text), text.takesAutosave(), false);
  }

  /** A text that the driver sends by another way than its statements, without its savepoint. */
  static Request apart(SqlText text) {
    return new Request(text, List.of(text), false, false);
  }

  static Request batch(List<SqlText> texts) {
    return texts.isEmpty()
        ? call("executeBatch")
        : new Request(texts.get(0), texts, texts.get(0).takesAutosave(), true);
  }

  /** The SQL that is sent, as far as it is known. */
  List<SqlText> texts() {
    return texts;
  }

  /** Whether pgjdbc surely puts its savepoint before what is sent. */
  boolean autosaves() {
    return autosaves;
  }

  /** Whether the server takes it for a transaction of several statements, also in autocommit. */
  boolean isSeveral() {
    return texts.size() > 1 || (texts.size() == 1 && texts.get(0).isSeveral()) || batch;
  }

  /** For errors and the journal. */
  @Override
  public String toString() {
    return name instanceof String method ? method + "()" : name.toString();
  }
}
