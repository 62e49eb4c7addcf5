package io.sandpiper.jdbc;

import java.sql.CallableStatement;
import java.sql.PreparedStatement;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a handle wants from the server; each is one request, equal to itself only. */
final class Request {

  private final Object name;
  private final List<SqlText> texts;
  private final boolean autosaves;
  private final boolean batch;
  private final @Nullable PreparedStatement prepared;

  private Request(
      Object name,
      List<SqlText> texts,
      boolean autosaves,
      boolean batch,
      @Nullable PreparedStatement prepared) {
    this.name = name;
    this.texts = texts;
    this.autosaves = autosaves;
    this.batch = batch;
    this.prepared = prepared;
  }

  /** A call of which it is not known what it sends. */
  static Request call(String method) {
    return new Request(method, List.of(), false, false, null);
  }

  static Request statement(SqlText text) {
    return statement(text, null);
  }

  /**
   * A statement.
   *
   * @param prepared the driver's, which knows the values of its parameters, or null
   */
  static Request statement(SqlText text, @Nullable PreparedStatement prepared) {
    return new Request(
        text, List.of(text), text.takesAutosave() && !asksForTypes(prepared), false, prepared);
  }

  /** A call asks for the types of what it returns before the driver gives it out of its hands. */
  private static boolean asksForTypes(@Nullable PreparedStatement prepared) {
    return prepared instanceof CallableStatement;
  }

  /** A text that the driver sends by another way than its statements, without its savepoint. */
  static Request apart(SqlText text) {
    return new Request(text, List.of(text), false, false, null);
  }

  static Request batch(List<SqlText> texts) {
    return texts.isEmpty()
        ? call("executeBatch")
        : new Request(texts.get(0), texts, texts.get(0).takesAutosave(), true, null);
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

  /** What is sent, with the values of its parameters now, as far as they are known. */
  String sent() {
    if (prepared != null) {
      return prepared.toString();
    }
    return texts.isEmpty() ? toString() : texts.get(0).text();
  }

  /** For errors and the journal. */
  @Override
  public String toString() {
    return name instanceof String method ? method + "()" : name.toString();
  }
}
