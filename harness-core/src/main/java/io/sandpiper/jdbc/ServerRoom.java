package io.sandpiper.jdbc;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * The room for connections of sandboxes on one server, which all pools that lead there share.
 *
 * <p>Safe for use by several threads.
 */
final class ServerRoom {

  /** Left for everybody else on the server: its superuser's share and other programs. */
  static final int SPARE = 10;

  private final Permits permits = new Permits();
  private final List<ConnectionRoom> rooms = new ArrayList<>();
  private final Set<Keeper> keepers = ConcurrentHashMap.newKeySet();
  private int limit;
  private int capacity;
  private int pooled;
  private int opened;

  /** Keeps connections for the next user, which count as held. */
  @FunctionalInterface
  interface Keeper {

    /** Closes one that nobody uses; false where there is none. */
    boolean giveUpOne() throws SQLException;
  }

  void keeper(Keeper keeper) {
    keepers.add(keeper);
  }

  void noKeeper(Keeper keeper) {
    keepers.remove(keeper);
  }

  /** Whether somebody waits, so that nobody should keep what he does not use. */
  boolean isWanted() {
    return permits.hasQueuedThreads();
  }

  private static final class Permits extends Semaphore {

    private static final long serialVersionUID = 1;

    Permits() {
      super(0, true);
    }

    void remove(int count) {
      reducePermits(count);
    }
  }

  /** Counts in the connections that a pool may open for the application itself. */
  synchronized void join(ConnectionRoom room, int poolSize) {
    rooms.add(room);
    pooled += poolSize;
    resize();
  }

  synchronized void leave(ConnectionRoom room, int poolSize) {
    if (rooms.remove(room)) {
      pooled -= poolSize;
      resize();
    }
  }

  synchronized boolean knowsLimit() {
    return limit > 0;
  }

  /** Says how many connections the server accepts. */
  synchronized void limit(int connections) {
    limit = connections;
    resize();
  }

  private void resize() {
    if (limit == 0) {
      return;
    }
    int fitting = Math.max(1, limit - SPARE - pooled);
    if (fitting > capacity) {
      permits.release(fitting - capacity);
    } else {
      permits.remove(capacity - fitting);
    }
    capacity = fitting;
  }

  /** Waits in turn until a sandbox may hold one more connection; false where the time is up. */
  boolean acquire(long millis) throws InterruptedException, SQLException {
    // In turn; and who need not wait is not held up by an interrupt either, as with a pool.
    if (!permits.hasQueuedThreads() && permits.tryAcquire()) {
      return true;
    }
    giveUpOne();
    return permits.tryAcquire(millis, TimeUnit.MILLISECONDS);
  }

  void release() {
    permits.release();
  }

  /** Counts a connection that is about to be opened; one that nobody uses makes room for it. */
  void opening() throws SQLException {
    synchronized (this) {
      opened++;
      if (limit == 0 || opened <= capacity) {
        return;
      }
    }
    closeOneUnused();
  }

  /**
   * Closes a connection that is kept for the next user of whatever kind: the server has no room,
   * although we count some, for there are others whom we do not know of.
   */
  void makeRoom() throws SQLException {
    if (!closeOneUnused()) {
      giveUpOne();
    }
  }

  private void giveUpOne() throws SQLException {
    for (Keeper keeper : keepers) {
      if (keeper.giveUpOne()) {
        return;
      }
    }
  }

  /** Closes a connection that is kept for the next sandbox of whatever pool; whether there was. */
  private boolean closeOneUnused() throws SQLException {
    List<ConnectionRoom> others;
    synchronized (this) {
      others = List.copyOf(rooms);
    }
    for (ConnectionRoom room : others) {
      if (room.closeOneUnused()) {
        return true;
      }
    }
    return false;
  }

  synchronized void closed() {
    opened--;
  }

  /** "sandboxes may hold 80 connections there, beside the 10 of the application's pools". */
  synchronized String describe() {
    return "sandboxes may hold %d there, beside the %d of the application's pools"
        .formatted(capacity, pooled);
  }
}
