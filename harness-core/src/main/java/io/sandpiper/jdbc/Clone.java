package io.sandpiper.jdbc;

import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The database of one test: taken when it is first used, dropped after the test, off its path.
 *
 * <p>Connections to it are real ones, of which the test may have several; they commit.
 */
final class Clone implements SandboxPart {

  private final Sandbox sandbox;
  private final SqlTexts texts;
  private final Supply supply;
  private final boolean keepFailed;
  private final ReentrantLock taking = new ReentrantLock();
  private final ReentrantLock state = new ReentrantLock();
  private final Set<CloneConnection> used = ConcurrentHashMap.newKeySet();
  private @Nullable Clones clones;
  private volatile @Nullable CloneDatabase database;
  private volatile boolean ended;

  Clone(Sandbox sandbox, SqlTexts texts, Supply supply, boolean keepFailed) {
    this.sandbox = sandbox;
    this.texts = texts;
    this.supply = supply;
    this.keepFailed = keepFailed;
  }

  /** Finds where databases come from, at the first use of one. */
  @FunctionalInterface
  interface Supply {

    Clones of(Sandbox sandbox) throws SQLException;
  }

  Sandbox sandbox() {
    return sandbox;
  }

  SqlText text(String sql) {
    return texts.get(sql);
  }

  boolean hasEnded() {
    return ended;
  }

  /** Throws where the sandbox has ended. */
  void check(Object use) throws SandboxEndedException {
    if (ended) {
      throw SandboxEndedException.of(sandbox, use.toString());
    }
  }

  /** A connection for one user, who closes it. */
  Connection connection(Object use) throws SQLException {
    CloneDatabase mine = database(use);
    PhysicalConnection physical = mine.take();
    check(use);
    if (physical == null && Thread.currentThread().isInterrupted()) {
      throw new SandboxException(
          "Interrupted while waiting for a connection of %s: %s".formatted(sandbox, use),
          SandboxException.WAIT);
    }
    if (physical == null) {
      throw new SandboxException(
          ("All %d connections of %s are in use, and none came back within %d ms: %s. Close"
                  + " connections, or raise the pool's maximumPoolSize, which is also that of a"
                  + " test's own database.")
              .formatted(mine.size(), sandbox, mine.limit().toMillis(), use),
          SandboxException.ROOM);
    }
    CloneConnection connection = new CloneConnection(this, mine, physical);
    used.add(connection);
    return connection.proxy();
  }

  /** The name of this test's database, which is taken now where it is not yet. */
  String databaseName() throws SQLException {
    return database("the name of its database").name();
  }

  /** As {@link #databaseName()}, also after the test where it was taken during the test. */
  String nameForOthers() throws SQLException {
    CloneDatabase known = database;
    return known != null ? known.name() : databaseName();
  }

  boolean isTaken() {
    return database != null;
  }

  private CloneDatabase database(Object use) throws SQLException {
    check(use);
    CloneDatabase known = database;
    if (known != null) {
      return known;
    }
    taking.lock();
    try {
      known = database;
      return known != null ? known : take(use);
    } finally {
      taking.unlock();
    }
  }

  private CloneDatabase take(Object use) throws SQLException {
    Clones from = supply.of(sandbox);
    CloneDatabase taken = from.take(sandbox);
    state.lock();
    try {
      if (!ended) {
        clones = from;
        database = taken;
        sandbox.journal().note("works on " + taken);
        return taken;
      }
    } finally {
      state.unlock();
    }
    from.putBack(taken);
    throw SandboxEndedException.of(sandbox, use.toString());
  }

  void closed(CloneConnection connection) {
    used.remove(connection);
  }

  @Override
  public void fence() {
    state.lock();
    try {
      ended = true;
    } finally {
      state.unlock();
    }
    for (CloneConnection connection : used) {
      connection.cancel();
    }
    CloneDatabase mine = database;
    if (mine != null) {
      mine.refuseWaiters();
    }
  }

  @Override
  public void rollBack() {
    CloneDatabase mine = database;
    Clones from = clones;
    if (mine != null && from != null) {
      from.drop(mine);
    }
  }

  @Override
  public @Nullable String rollBackFailed() throws SQLException {
    CloneDatabase mine = database;
    Clones from = clones;
    if (mine == null || from == null || !keepFailed) {
      rollBack();
      return null;
    }
    return ("The database of %s is kept, as the test left it. Open it by: %s . It is yours to drop;"
            + " on a server that the harness started it is gone when the next run starts.")
        .formatted(sandbox.testName(), from.keep(mine));
  }

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
