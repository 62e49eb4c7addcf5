package io.sandpiper.benchmarks;

import io.sandpiper.server.PostgresServer;
import io.sandpiper.server.TestDatabase;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicInteger;

/** The server of a run of benchmarks, configured as that of a test run. */
final class Bench implements AutoCloseable {

  private final PostgresServer server = PostgresServer.start(System::getProperty);
  private final AtomicInteger databases = new AtomicInteger();

  String server() {
    return server.description();
  }

  /** A new database with these tables. */
  Lab lab(String schema) throws SQLException {
    TestDatabase database = database();
    return new Lab(database, database.url(), schema);
  }

  /** A new database with these tables, connected to through a tap. */
  Lab lab(String schema, Tap tap) throws SQLException {
    TestDatabase database = database();
    return new Lab(database, tap.on(database.url()), schema);
  }

  private TestDatabase database() {
    return server.createDatabase("bench_" + databases.incrementAndGet());
  }

  @Override
  public void close() {
    server.close();
  }
}
