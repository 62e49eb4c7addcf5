package io.sandpiper.jdbc;

import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A database made for one test, and the pool of connections to it. */
final class CloneDatabase {

  /** More than there can be waiting. */
  private static final int EVERYBODY = 1_000_000;

  private final String name;
  private final String template;
  private final CloneServer server;
  private final int size;
  private final Semaphore permits;
  private final Deque<PhysicalConnection> idle = new ConcurrentLinkedDeque<>();
  private final Set<PhysicalConnection> open = ConcurrentHashMap.newKeySet();

  CloneDatabase(String name, String template, CloneServer server, PhysicalConnection first) {
    this.name = name;
    this.template = template;
    this.server = server;
    this.size = server.maximumPoolSize();
    this.permits = new Semaphore(size, true);
    open.add(first);
    idle.add(first);
    server.opened(this);
  }

  String name() {
    return name;
  }

  /** The name of what it was copied from. */
  String template() {
    return template;
  }

  /** Takes a connection, or null where none has come back for as long as the pool would wait. */
  @Nullable PhysicalConnection take() throws SQLException {
    try {
      // Who need not wait is not held up by an interrupt either, as with the pool.
      boolean free = !permits.hasQueuedThreads() && permits.tryAcquire();
      if (!free && !permits.tryAcquire(server.patience().toNanos(), TimeUnit.NANOSECONDS)) {
        return null;
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      return null;
    }
    try {
      PhysicalConnection kept = idle.poll();
      return kept != null ? kept : openMore();
    } catch (SQLException | RuntimeException | Error failed) {
      permits.release();
      throw failed;
    }
  }

  private PhysicalConnection openMore() throws SQLException {
    PhysicalConnection opened = server.open(name);
    open.add(opened);
    return opened;
  }

  /** How many connections one test may have at a time. */
  int size() {
    return size;
  }

  Duration limit() {
    return server.patience();
  }

  /** Takes a connection back from its user. */
  void giveBack(PhysicalConnection connection) {
    try {
      if (connection.isClosed()) {
        discard(connection);
        return;
      }
      connection.reset();
      if (server.isWanted()) {
        discard(connection);
        return;
      }
      idle.push(connection);
      permits.release();
    } catch (SQLException | RuntimeException lost) {
      discard(connection);
    }
  }

  /** Closes a connection instead of giving it to another user. */
  void discard(PhysicalConnection connection) {
    close(connection);
    permits.release();
  }

  /** Closes a connection that nobody uses; false where there is none. */
  boolean giveUpOne() {
    PhysicalConnection unused = idle.poll();
    if (unused != null) {
      close(unused);
    }
    return unused != null;
  }

  private void close(PhysicalConnection connection) {
    if (open.remove(connection)) {
      server.close(connection);
    }
  }

  /** Lets everybody who waits for a connection go on, to be refused. */
  void refuseWaiters() {
    permits.release(EVERYBODY);
  }

  /** Closes all connections; the numbers of their backends, which leave a little later. */
  List<Integer> closeAll() {
    server.closed(this);
    List<Integer> pids = new ArrayList<>();
    for (PhysicalConnection connection : open) {
      pids.add(connection.pid());
      close(connection);
    }
    return pids;
  }

  @Override
  public String toString() {
    return "database " + name;
  }
}
