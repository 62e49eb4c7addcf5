package io.sandpiper.server;

import org.jspecify.annotations.Nullable;

/** Where a PostgreSQL server comes from. */
interface PostgresSource extends AutoCloseable {

  /** Whether the server belongs to this run alone. */
  boolean ours();

  /** The database to make others from; on a server that is not ours, the only one. */
  TestDatabase database();

  /** The server in one line, without passwords. */
  String describe(String version);

  /**
   * Lets the server live on after this JVM, where that can be.
   *
   * @return how long it does, and how it is stopped, as the end of a sentence; null where it ends
   *     with this JVM
   */
  default @Nullable String leave() {
    return null;
  }

  @Override
  void close();
}
