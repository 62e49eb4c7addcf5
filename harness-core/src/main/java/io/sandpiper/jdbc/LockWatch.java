package io.sandpiper.jdbc;

import io.sandpiper.jdbc.LockWait.Blocker;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Finds out for whom the statements of sandboxes wait, while they wait.
 *
 * <p>When a wait for a lock has failed the server does not know any more who was in its way. So
 * each call that lasts is looked at, first before half of the lock timeout is over and then again
 * each quarter. A call that does not last costs nothing. There is a thread while connections are
 * open, and a connection to look through once a call has lasted. Safe for use by several threads.
 */
final class LockWatch implements AutoCloseable {

  private static final Duration WITHOUT_LIMIT = Duration.ofSeconds(10);
  static final String THREAD = "sandpiper lock watch";

  private static final int LOOKS = 4;
  private static final long THREAD_IDLE_SECONDS = 1;

  private final LockObserver observer;
  private final Duration timeout;
  private final long period;
  private final ScheduledThreadPoolExecutor thread;
  private final AtomicBoolean ticking = new AtomicBoolean();
  private final Set<SandboxConnection> open = ConcurrentHashMap.newKeySet();
  private final Map<SandboxConnection, Look> looks = new ConcurrentHashMap<>();

  /** The calls of the last tick; used by one tick after the other. */
  private Map<SandboxConnection, Object> calls = Map.of();

  private volatile @Nullable String trouble;

  /**
   * What was seen of a call.
   *
   * @param since the time before it was looked at
   */
  private record Look(Object call, long since, Waits waits) {}

  /**
   * A wait, with those of the sessions in its way that wait themselves.
   *
   * @param others by process
   * @param owners the sandboxes' connections at that time, by process
   */
  record Waits(
      LockWait first, Map<Integer, LockWait> others, Map<Integer, SandboxConnection> owners) {

    boolean sameAs(Waits earlier) {
      return first.blockers().stream()
          .map(Blocker::pid)
          .toList()
          .equals(earlier.first.blockers().stream().map(Blocker::pid).toList());
    }
  }

  LockWatch(ConnectionRoom room, Duration timeout) {
    this.observer = new LockObserver(room);
    this.timeout = timeout;
    this.period = (timeout.isZero() ? WITHOUT_LIMIT : timeout).toNanos() / LOOKS;
    this.thread =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread made = new Thread(task, THREAD);
              made.setDaemon(true);
              return made;
            },
            new ThreadPoolExecutor.DiscardPolicy());
    thread.setKeepAliveTime(THREAD_IDLE_SECONDS, TimeUnit.SECONDS);
    thread.allowCoreThreadTimeOut(true);
  }

  /** Watches a connection until {@link #closed}. */
  void opened(SandboxConnection connection) {
    open.add(connection);
    if (ticking.compareAndSet(false, true)) {
      schedule();
    }
  }

  void closed(SandboxConnection connection) {
    open.remove(connection);
    looks.remove(connection);
  }

  private void schedule() {
    thread.schedule(this::tick, period, TimeUnit.NANOSECONDS);
  }

  private void tick() {
    try {
      look();
      trouble = null;
    } catch (SQLException | RuntimeException failed) {
      trouble = failed.getMessage();
    } finally {
      goOn();
    }
  }

  private void goOn() {
    if (!open.isEmpty()) {
      schedule();
      return;
    }
    observer.release();
    ticking.set(false);
    if (!open.isEmpty() && ticking.compareAndSet(false, true)) {
      schedule();
    }
  }

  private void look() throws SQLException {
    Map<SandboxConnection, Object> lasting = lasting();
    looks.keySet().retainAll(lasting.keySet());
    if (lasting.isEmpty()) {
      return;
    }
    long since = System.nanoTime();
    Map<SandboxConnection, Map<Integer, SandboxConnection>> owners = new HashMap<>();
    lasting.keySet().forEach(connection -> owners.put(connection, connection.neighbours()));
    Map<Integer, LockWait> waits =
        observer.waits(lasting.keySet().stream().map(SandboxConnection::pid).toList());
    lasting.forEach(
        (connection, call) -> {
          LockWait wait = waits.get(connection.pid());
          Map<Integer, SandboxConnection> before = owners.getOrDefault(connection, Map.of());
          if (connection.running() != call) {
            looks.remove(connection);
          } else if (wait != null && sameOwners(waits, before, connection.neighbours())) {
            // One that waits no more may fail just now, and is then explained by the last look.
            saw(connection, new Look(call, since, new Waits(wait, waits, before)));
          }
        });
  }

  /** Whether no process has passed from one test to another during a look. */
  private static boolean sameOwners(
      Map<Integer, LockWait> waits,
      Map<Integer, SandboxConnection> before,
      Map<Integer, SandboxConnection> after) {
    return waits.values().stream()
        .flatMap(wait -> wait.blockers().stream())
        .map(Blocker::pid)
        .allMatch(pid -> before.get(pid) == after.get(pid));
  }

  /** The calls that have been made for at least one period. */
  private Map<SandboxConnection, Object> lasting() {
    Map<SandboxConnection, Object> now = new HashMap<>();
    Map<SandboxConnection, Object> lasting = new HashMap<>();
    for (SandboxConnection connection : open) {
      Object call = connection.running();
      if (call != null) {
        now.put(connection, call);
        if (calls.get(connection) == call) {
          lasting.put(connection, call);
        }
      }
    }
    calls = now;
    return lasting;
  }

  private void saw(SandboxConnection connection, Look look) {
    Look before = looks.put(connection, look);
    if (before == null || before.call() != look.call() || !look.waits().sameAs(before.waits())) {
      new LockNames(connection, observer, look.waits().owners()).note(look.waits());
    }
    if (!open.contains(connection)) {
      looks.remove(connection);
    }
  }

  /** What a call that has failed now by the lock timeout waited for last; null if not known. */
  @Nullable Waits lastSeen(SandboxConnection connection) {
    Look look = looks.get(connection);
    // What was seen earlier may be another lock than the one that it has waited too long for.
    return look == null
            || look.call() != connection.running()
            || (!timeout.isZero() && System.nanoTime() - look.since() > timeout.toNanos())
        ? null
        : look.waits();
  }

  /** What some processes wait for just now, with those in their way; empty if not known. */
  Map<Integer, LockWait> waits(List<Integer> pids) {
    try {
      return pids.isEmpty() ? Map.of() : observer.waits(pids);
    } catch (SQLException unknown) {
      trouble = unknown.getMessage();
      return Map.of();
    }
  }

  LockObserver observer() {
    return observer;
  }

  /** How long a lock is waited for; zero where that has no end. */
  Duration timeout() {
    return timeout;
  }

  /** Why the server could not be asked the last time, or null where it could. */
  @Nullable String trouble() {
    return trouble;
  }

  @Override
  public void close() {
    thread.shutdownNow();
    observer.close();
  }
}
