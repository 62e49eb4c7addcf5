package io.sandpiper.jdbc;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A sandbox of a random schedule: what was done to it, and the rows that it should have. */
final class SandboxModel {

  final Sandbox sandbox;

  /** Whether its work may leave what it has open, which then only its end ends. */
  final boolean mayAbandon;

  final List<Future<?>> units = new CopyOnWriteArrayList<>();
  final Set<Handle> handles = ConcurrentHashMap.newKeySet();
  final Set<Thread> busy = ConcurrentHashMap.newKeySet();

  /** How often a cancel or an interrupt was aimed at it. */
  final AtomicInteger cancels = new AtomicInteger();

  /** How often somebody has closed a connection that another thread worked with. */
  final AtomicInteger closings = new AtomicInteger();

  volatile boolean nested;
  volatile boolean interrupted;
  volatile boolean killed;
  volatile boolean abandoned;

  /** What had been sent on all connections when it had ended. */
  volatile @Nullable Long endedAt;

  private final long start = System.nanoTime();
  private final Set<Long> committed = ConcurrentHashMap.newKeySet();
  private final Set<Long> unsure = ConcurrentHashMap.newKeySet();
  private final List<String> history = new CopyOnWriteArrayList<>();

  SandboxModel(Sandbox sandbox, boolean mayAbandon) {
    this.sandbox = sandbox;
    this.mayAbandon = mayAbandon;
  }

  /** A connection that a unit of work uses, and that others may meddle with. */
  static final class Handle {

    final int number;
    final Connection connection;
    final Statement statement;
    volatile boolean closedByOthers;
    private final SandboxModel model;

    Handle(int number, Connection connection, SandboxModel model) throws SQLException {
      this.number = number;
      this.connection = connection;
      this.model = model;
      this.statement = connection.createStatement();
      model.handles.add(this);
      model.note("h%d opened".formatted(number));
    }

    void leave() {
      model.handles.remove(this);
      model.note("h%d closes".formatted(number));
    }
  }

  boolean isTransaction() {
    return sandbox.isolation() == Isolation.TRANSACTION;
  }

  long number() {
    return sandbox.id().sequence();
  }

  boolean hasEnded() {
    return sandbox.sinceEnd() != null;
  }

  void committed(Collection<Long> rows) {
    committed.addAll(rows);
  }

  /** They may have been committed: nobody has told. */
  void unsure(Collection<Long> rows) {
    unsure.addAll(rows);
  }

  Set<Long> committed() {
    return committed;
  }

  Set<Long> unsure() {
    return unsure;
  }

  /** Whether somebody has caused it who may: a cancel, a kill, a close, the end. */
  boolean excuses(SQLException failed) {
    String state = String.valueOf(failed.getSQLState());
    String text = String.valueOf(failed.getMessage());
    if (hasEnded() || killed || abandoned) {
      return true;
    }
    if (!isTransaction() && (interrupted || closings.get() > 0)) {
      // A plain connection in the same hands would do the same.
      return true;
    }
    if (interrupted && state.equals(SandboxException.WAIT)) {
      return true;
    }
    if (closings.get() > 0 && (state.matches("08003|55000") || text.contains("closed"))) {
      return true;
    }
    return (cancels.get() > 0 || closings.get() > 0)
        && (state.equals("57014") || saysWhatIsLost(text));
  }

  /** Whether an error tells why the sandbox can no longer be what it should. */
  static boolean saysWhatIsLost(@Nullable String text) {
    return text != null
        && (text.contains("is lost since")
            || text.contains("had written and committed")
            || text.contains("uses two connections"));
  }

  /** Whether a connection to a database of a test says that it was closed with a COPY open. */
  static boolean isOfOpenCopy(SQLException failed) {
    return failed instanceof SandboxException
        && String.valueOf(failed.getMessage()).contains("a COPY is open");
  }

  void note(String text) {
    history.add(
        "%7d us %s: %s"
            .formatted((System.nanoTime() - start) / 1000, Thread.currentThread().getName(), text));
  }

  /** What has happened so far, for whoever looks for the cause of a failure. */
  String history() {
    return "Schedule of %s, %s:%n  %s"
        .formatted(sandbox, sandbox.isolation(), String.join("%n  ".formatted(), history));
  }
}
