package io.sandpiper.jdbc;

import io.sandpiper.jdbc.LockObserver.Place;
import io.sandpiper.jdbc.LockWatch.Waits;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLState;
import org.postgresql.util.ServerErrorMessage;

/**
 * Says in the words of tests why a statement has not got its lock.
 *
 * <p>A lock that another test holds is held until that test ends, so neither a retry nor patience
 * helps: what fails by the sandbox's own lock timeout or by a deadlock is a refusal. A timeout that
 * the application has chosen is the application's own, and its error stays what it is.
 */
final class LockErrors {

  private static final String LOCK_NOT_AVAILABLE = "55P03";

  /** Where the server raises what ends a statement from outside; NOWAIT is raised elsewhere. */
  private static final String BY_TIMEOUT = "ProcessInterrupts";

  /** Where the server finds a deadlock; the application may raise the same SQLState itself. */
  private static final String BY_DEADLOCK = "DeadLockReport";

  private static final Pattern COUNTERS =
      Pattern.compile("sequences?\\b|sequence_name|next_val|gen_val", Pattern.CASE_INSENSITIVE);

  private static final String REMEDY =
      "In a TRANSACTION sandbox a lock is held until the test ends. Give each test rows and keys of"
          + " its own, or give one of the tests @Sandboxed(isolation = DATABASE).";

  private static final String COUNTER_REMEDY =
      " A table of counters, as of JPA's GenerationType.TABLE, is one row for all tests: SEQUENCE,"
          + " IDENTITY and UUID have no such row.";

  private final SandboxConnection waiter;
  private final LockWatch watch;

  private LockErrors(SandboxConnection waiter, LockWatch watch) {
    this.waiter = waiter;
    this.watch = watch;
  }

  /**
   * What an application gets instead of an error that may be about a lock; called while the call
   * that has failed is still the connection's running one.
   *
   * @param use what the application wanted
   */
  static SQLException explained(
      SandboxConnection waiter, LockWatch watch, Object use, SQLException failed) {
    ServerErrorMessage said = said(failed);
    if (said == null) {
      return failed;
    }
    LockErrors errors = new LockErrors(waiter, watch);
    if (PSQLState.DEADLOCK_DETECTED.getState().equals(said.getSQLState())
        && BY_DEADLOCK.equals(said.getRoutine())) {
      return new SandboxException(
          errors.deadlock(use, said, failed), SandboxException.LOCK, failed);
    }
    return LOCK_NOT_AVAILABLE.equals(said.getSQLState()) && BY_TIMEOUT.equals(said.getRoutine())
        ? errors.timeout(use, said, failed)
        : failed;
  }

  private static @Nullable ServerErrorMessage said(SQLException failed) {
    for (Throwable next = failed; next != null; next = next.getCause()) {
      if (next instanceof PSQLException fromServer) {
        return fromServer.getServerErrorMessage();
      }
    }
    return failed.getNextException() instanceof PSQLException next
        ? next.getServerErrorMessage()
        : null;
  }

  private SQLException timeout(Object use, ServerErrorMessage said, SQLException failed) {
    Waits waits = watch.lastSeen(waiter);
    if (isOfApplication()) {
      if (waits != null) {
        failed.addSuppressed(
            new SandboxException(text(use, said, failed, waits, ""), SandboxException.LOCK));
      }
      return failed;
    }
    return new SandboxException(
        text(use, said, failed, waits, " " + text(watch.timeout())), SandboxException.LOCK, failed);
  }

  /** Where the server cannot be asked it is more likely that the application has not chosen one. */
  private boolean isOfApplication() {
    if (waiter.mayHaveSetLockTimeout()) {
      return true;
    }
    try {
      return watch.observer().applicationLimits();
    } catch (SQLException unknown) {
      return false;
    }
  }

  private String text(
      Object use,
      ServerErrorMessage said,
      SQLException failed,
      @Nullable Waits waits,
      String duration) {
    Place place = watch.observer().place(said.getWhere());
    String lock = place == null ? null : place.lock();
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s waited%s for %s and did not get it: %s"
            .formatted(
                LockNames.test(waiter.sandbox()),
                duration,
                waits == null
                    ? "%s, held by another session (%s)".formatted(orLock(lock), unknown())
                    : names(waits.owners()).sentence(waits.first(), lock),
                sent(use)));
    String relation = place == null ? null : place.relation();
    if (waits != null) {
      if (relation == null) {
        relation = waits.first().relation();
      }
      lines.addAll(names(waits.owners()).statements(waits.first(), relation));
      lines.addAll(names(waits.owners()).chain(waits));
    }
    return text(lines, use, failed, relation);
  }

  private LockNames names(Map<Integer, SandboxConnection> owners) {
    return new LockNames(waiter, watch.observer(), owners);
  }

  private String unknown() {
    String trouble = watch.trouble();
    return trouble == null
        ? "which was not looked at in time: this machine is too busy for the lock timeout"
        : "which could not be looked at: " + trouble;
  }

  private String deadlock(Object use, ServerErrorMessage said, SQLException failed) {
    List<DeadlockEdge> edges = DeadlockEdge.of(said.getDetail());
    LockNames names = names(waiter.neighbours()).surelyOf(stillThere(edges));
    Set<Integer> others = new LinkedHashSet<>();
    edges.forEach(edge -> others.add(edge.waiter()));
    others.remove(waiter.pid());
    Map<Integer, LockWait> waits = watch.waits(List.copyOf(others));
    Place place = watch.observer().place(said.getWhere());
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s and %s wait for each other, so PostgreSQL has ended: %s"
            .formatted(
                LockNames.test(waiter.sandbox()),
                String.join(" and ", others.stream().map(names::name).toList()),
                sent(use)));
    for (DeadlockEdge edge : edges) {
      LockWait now = waits.get(edge.waiter());
      lines.add(
          "%s waits for %s, %s %s%s"
              .formatted(
                  names.name(edge.waiter()),
                  lock(edge, place, now),
                  edge.how(),
                  names.name(edge.blocker()),
                  now == null || names.hasPassedOn(edge.waiter()) ? "" : ": " + now.statement()));
    }
    return text(lines, use, failed, place == null ? null : place.relation());
  }

  /** The processes that have the transaction still that was in the ring. */
  private Set<Integer> stillThere(List<DeadlockEdge> edges) {
    Map<String, Integer> inRing = new HashMap<>();
    for (DeadlockEdge edge : edges) {
      String transaction = edge.transaction();
      if (transaction != null) {
        inRing.put(transaction, edge.blocker());
      }
    }
    try {
      Set<Integer> same = new LinkedHashSet<>();
      watch
          .observer()
          .processes(inRing.keySet())
          .forEach(
              (transaction, process) -> {
                if (process.equals(inRing.get(transaction))) {
                  same.add(process);
                }
              });
      return same;
    } catch (SQLException unknown) {
      return Set.of();
    }
  }

  /**
   * What a wait of the deadlock was for.
   *
   * @param place where this statement has failed
   * @param now what the one that waits waits for after that; by now it may be another lock
   */
  private String lock(DeadlockEdge edge, @Nullable Place place, @Nullable LockWait now) {
    if (edge.relation() != null) {
      return watch.observer().lock(edge.relation(), edge.ctid());
    }
    if (edge.kind() != DeadlockEdge.Kind.TRANSACTION) {
      return edge.lock();
    }
    if (edge.waiter() == waiter.pid()) {
      return orLock(place == null ? null : place.lock());
    }
    boolean same =
        now != null
            && now.isForTransaction()
            && now.blockers().stream().anyMatch(blocker -> blocker.pid() == edge.blocker());
    return orLock(now != null && same ? now.lock() : null);
  }

  private static String orLock(@Nullable String lock) {
    return lock == null ? LockNames.UNKNOWN_LOCK : lock;
  }

  private static String sent(Object use) {
    return use instanceof Request request ? LockObserver.brief(request.sent()) : use.toString();
  }

  private static String text(
      List<String> lines, Object use, SQLException failed, @Nullable String relation) {
    Matcher counters = COUNTERS.matcher(relation == null ? sent(use) : relation + " " + sent(use));
    return String.join("\n  ", lines)
        + "\n"
        + REMEDY
        + (counters.find() ? COUNTER_REMEDY : "")
        + " PostgreSQL says: "
        + failed.getMessage();
  }

  private static String text(Duration duration) {
    long millis = duration.toMillis();
    return millis % 1000 == 0 ? millis / 1000 + " s" : millis + " ms";
  }
}
