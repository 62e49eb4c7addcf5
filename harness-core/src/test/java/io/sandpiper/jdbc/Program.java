package io.sandpiper.jdbc;

/**
 * JDBC code that runs on a plain connection and in sandboxes, and must not be able to tell which.
 *
 * @param name what it shows
 * @param body the code
 */
record Program(String name, Body body) {

  /** Code that writes down what it sees. */
  @FunctionalInterface
  interface Body {
    void run(Connections db, Transcript seen) throws Exception;
  }

  /** Code that needs one connection, in autocommit mode at first. */
  @FunctionalInterface
  interface OneConnection {
    void run(java.sql.Connection connection, Transcript seen) throws Exception;
  }

  static Program program(String name, Body body) {
    return new Program(name, body);
  }

  static Program on(String name, OneConnection body) {
    return new Program(name, (db, seen) -> body.run(db.open(), seen));
  }

  @Override
  public String toString() {
    return name;
  }
}
