package io.sandpiper.benchmarks;

import io.sandpiper.server.PostgresServer;
import io.sandpiper.server.TestDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicInteger;

/** The server of a run of benchmarks, configured as that of a test run. */
final class Bench implements AutoCloseable {

  private final PostgresServer server = PostgresServer.start(System::getProperty);
  private final RememberingDriver driver = new RememberingDriver();
  private final AtomicInteger databases = new AtomicInteger();

  Bench() throws SQLException {
    DriverManager.registerDriver(driver);
  }

  String server() {
    return server.description();
  }

  /** A new database with these tables. */
  Lab lab(String schema) throws SQLException {
    TestDatabase database = database(schema);
    return new Lab(driver, database, database.url());
  }

  /** A new database with these tables, connected to through a tap. */
  Lab lab(String schema, Tap tap) throws SQLException {
    TestDatabase database = database(schema);
    return new Lab(driver, database, tap.on(database.url()));
  }

  /** A new database with these tables, to be cloned. */
  CloneLab cloneLab(String schema) throws SQLException {
    return new CloneLab(database(schema), server.createDatabase("bench_watch_" + databases.get()));
  }

  private TestDatabase database(String schema) throws SQLException {
    TestDatabase database = server.createDatabase("bench_" + databases.incrementAndGet());
    try (Connection connection =
            DriverManager.getConnection(database.url(), database.user(), database.password());
        Statement statement = connection.createStatement()) {
      statement.execute(schema);
    }
    return database;
  }

  @Override
  public void close() throws SQLException {
    DriverManager.deregisterDriver(driver);
    server.close();
  }
}
