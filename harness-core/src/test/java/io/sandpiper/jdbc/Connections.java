package io.sandpiper.jdbc;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Deque;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import javax.sql.DataSource;

/** Where a program gets its connections and threads from; closes those that it leaves open. */
final class Connections implements AutoCloseable {

  /** Runs something as work of the program's test, on the calling thread. */
  @FunctionalInterface
  interface Binding {
    <T> T call(Callable<T> work) throws Exception;
  }

  private final DataSource dataSource;
  private final DataSource observer;
  private final Binding binding;
  private final Deque<Connection> opened = new ConcurrentLinkedDeque<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();

  /**
   * The connections of one program.
   *
   * @param dataSource where they come from
   * @param observer leads to the same database, past the sandbox
   * @param binding makes other threads the program's
   */
  Connections(DataSource dataSource, DataSource observer, Binding binding) {
    this.dataSource = dataSource;
    this.observer = observer;
    this.binding = binding;
  }

  Connection open() throws SQLException {
    Connection connection = dataSource.getConnection();
    opened.push(connection);
    return connection;
  }

  /** Does something on another thread. */
  <T> Future<T> fork(Callable<T> work) {
    return threads.submit(() -> binding.call(work));
  }

  /**
   * Cancels a statement on another thread once the server executes its text: an earlier cancel
   * would have no effect, and pgjdbc sends no second one.
   */
  Future<?> cancelWhenRunning(Statement statement, String text) {
    return fork(
        () -> {
          try (Connection connection = observer.getConnection();
              PreparedStatement running =
                  connection.prepareStatement(
                      "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = ?")) {
            running.setString(1, text);
            while (!running.executeQuery().next()) {
              LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
            }
          }
          statement.cancel();
          return null;
        });
  }

  @Override
  public void close() throws SQLException, InterruptedException {
    threads.shutdown();
    if (!threads.awaitTermination(30, TimeUnit.SECONDS)) {
      throw new IllegalStateException("A thread of the program does not end");
    }
    for (Connection connection : opened) {
      connection.close();
    }
  }
}
