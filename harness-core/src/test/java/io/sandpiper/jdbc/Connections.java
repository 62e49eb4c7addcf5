package io.sandpiper.jdbc;

import java.sql.Connection;
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
import java.util.function.BooleanSupplier;
import javax.sql.DataSource;

/** Where a program gets its connections and threads from; closes those that it leaves open. */
final class Connections implements AutoCloseable {

  /** Runs something as work of the program's test, on the calling thread. */
  @FunctionalInterface
  interface Binding {
    <T> T call(Callable<T> work) throws Exception;
  }

  private final DataSource dataSource;
  private final Binding binding;
  private final Deque<Connection> opened = new ConcurrentLinkedDeque<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();

  Connections(DataSource dataSource, Binding binding) {
    this.dataSource = dataSource;
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

  /** Cancels a statement of another thread again and again, until it is told to stop. */
  Future<?> cancelling(Statement statement, BooleanSupplier done) {
    return fork(
        () -> {
          while (!done.getAsBoolean()) {
            statement.cancel();
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
          }
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
