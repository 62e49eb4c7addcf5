package io.sandpiper.server;

/** Where a PostgreSQL server comes from. */
interface PostgresSource extends AutoCloseable {

  /** Whether the server belongs to this run alone. */
  boolean ours();

  /** The database to make others from; on a server that is not ours, the only one. */
  TestDatabase database();

  /** The server in one line, without passwords. */
  String describe(String version);

  @Override
  void close();
}
