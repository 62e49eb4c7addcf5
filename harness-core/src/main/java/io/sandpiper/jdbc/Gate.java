package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.PgConnection;

/**
 * Where those who want a connection to one database wait while its template is made, whichever pool
 * of this JVM they ask.
 *
 * <p>Who has a connection is given more: the template waits for his end, which may need them. So is
 * set-up, which may belong to a test that has one. Safe for use by several threads.
 */
final class Gate {

  private final Set<ConnectionRoom> rooms = ConcurrentHashMap.newKeySet();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  // Guarded by the lock.
  private final Map<Connection, Object> guests = new IdentityHashMap<>();
  private final Map<HikariDataSource, Integer> minimumIdle = new IdentityHashMap<>();
  private boolean closed;

  /** From now on the room of a pool keeps no connections while the gate is closed. */
  void join(ConnectionRoom room) {
    rooms.add(room);
  }

  void leave(ConnectionRoom room) {
    rooms.remove(room);
  }

  /** Who uses what is asked for now: the sandbox, or the thread where there is none. */
  static Object user() {
    Work work = Work.current();
    return work == null ? Thread.currentThread() : work.sandbox();
  }

  /** Waits until the gate is open for somebody. */
  void await(Object user) throws SandboxException {
    lock.lock();
    try {
      while (!isOpenFor(user)) {
        changed.await();
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new SandboxException(
          "%s was interrupted while the database was copied for tests of isolation DATABASE."
              .formatted(name(user)),
          SandboxException.WAIT,
          interrupted);
    } finally {
      lock.unlock();
    }
  }

  /** Whether somebody may have a connection now. */
  boolean isOpenFor(Object user) {
    lock.lock();
    try {
      return !closed || guests.containsValue(user);
    } finally {
      lock.unlock();
    }
  }

  /** Somebody has a connection, until {@link #left}. */
  void entered(Connection connection, Object user) {
    lock.lock();
    try {
      guests.put(connection, user);
    } finally {
      lock.unlock();
    }
  }

  void left(Connection connection) {
    lock.lock();
    try {
      guests.remove(connection);
    } finally {
      lock.unlock();
    }
  }

  /** Does something while nobody new is given a connection, and no pool keeps unused ones. */
  <T extends @Nullable Object> T closed(SqlCall<T> call) throws SQLException {
    close();
    try {
      evict();
      return call.call();
    } finally {
      open();
    }
  }

  private void close() throws SandboxException {
    lock.lock();
    try {
      while (closed) {
        changed.await();
      }
      closed = true;
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new SandboxException(
          "interrupted while another DataSource of this JVM made a template",
          SandboxException.WAIT,
          interrupted);
    } finally {
      lock.unlock();
    }
  }

  private void open() {
    lock.lock();
    try {
      closed = false;
      minimumIdle.forEach(HikariDataSource::setMinimumIdle);
      minimumIdle.clear();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Closes what all pools keep and nobody uses. */
  void evict() throws SQLException {
    for (ConnectionRoom room : rooms) {
      keepNone(room);
      room.evict();
    }
  }

  /** Until the gate opens the pool gets no connection before somebody asks for one. */
  private void keepNone(ConnectionRoom room) {
    HikariDataSource hikari = room.hikari();
    lock.lock();
    try {
      // A pool may have been started since the gate was closed, by set-up.
      if (closed && hikari != null && room.isRunning() && !minimumIdle.containsKey(hikari)) {
        minimumIdle.put(hikari, hikari.getMinimumIdle());
        hikari.setMinimumIdle(0);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Who has a connection, by the server's process. */
  Map<Integer, String> guests() {
    Map<Connection, Object> now = new IdentityHashMap<>();
    lock.lock();
    try {
      now.putAll(guests);
    } finally {
      lock.unlock();
    }
    Map<Integer, String> names = new HashMap<>();
    now.forEach(
        (connection, user) -> {
          Integer pid = pid(connection);
          if (pid != null) {
            names.put(pid, name(user));
          }
        });
    return names;
  }

  private static @Nullable Integer pid(Connection connection) {
    try {
      return connection.isWrapperFor(PgConnection.class)
          ? connection.unwrap(PgConnection.class).getBackendPID()
          : null;
    } catch (SQLException closedMeanwhile) {
      return null;
    }
  }

  private static String name(Object user) {
    return user instanceof Sandbox sandbox
        ? LockNames.test(sandbox)
        : "thread \"%s\" outside of tests".formatted(((Thread) user).getName());
  }
}
