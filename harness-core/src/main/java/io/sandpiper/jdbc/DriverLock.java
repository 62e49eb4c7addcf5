package io.sandpiper.jdbc;

import java.sql.SQLException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.postgresql.jdbc.PgConnection;
import org.postgresql.util.PSQLState;

/**
 * What pgjdbc locks a connection with while a COPY is open on it. Whoever wants it waits without
 * end, also the thread that has begun the COPY, unless it has been interrupted.
 */
final class DriverLock {

  private DriverLock() {}

  static boolean isTaken(PgConnection connection) {
    FutureTask<Boolean> look = new FutureTask<>(() -> refusesInterrupted(connection));
    // A virtual thread that has been interrupted would close the socket.
    Thread platform = new Thread(look, "sandpiper looks for an open COPY");
    platform.setDaemon(true);
    platform.start();
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return look.get();
        } catch (InterruptedException interrupt) {
          interrupted = true;
        } catch (ExecutionException failed) {
          return false;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Asks for what has come already, which sends nothing. */
  private static boolean refusesInterrupted(PgConnection connection) {
    Thread.currentThread().interrupt();
    try {
      connection.getNotifications();
      return false;
    } catch (SQLException refused) {
      return PSQLState.OBJECT_NOT_IN_STATE.getState().equals(refused.getSQLState());
    }
  }
}
