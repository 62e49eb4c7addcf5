package io.sandpiper.jdbc;

import io.sandpiper.CallSite;
import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import io.sandpiper.jdbc.SqlText.Trait;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.postgresql.copy.CopyOperation;
import org.postgresql.copy.CopyOut;
import org.postgresql.jdbc.PgConnection;
import org.postgresql.util.PSQLState;

/**
 * The one physical connection of a sandbox, from its first statement to its rollback: gives it to
 * one lease after the other, and says why it can be used no more.
 */
final class SandboxConnection implements SandboxPart {

  private static final long FENCE_SECONDS = 5;

  private static final String READ_ONLY_TRANSACTION = "25006";

  private final Sandbox sandbox;
  private final ConnectionRoom room;
  private final Facts facts;
  private final Leases leases;
  private final Wire wire;
  private final OpenConnections open;

  private final AtomicBoolean isolationNoted = new AtomicBoolean();
  private @Nullable Connection taken;
  private volatile @Nullable Opened opened;
  private volatile @Nullable SQLException broken;
  private volatile @Nullable CopyOperation lastCopy;
  private volatile boolean failsTest;
  private volatile boolean ended;

  /** What there is once the connection is open. */
  private record Opened(Session session, Savepoints savepoints) {

    PgConnection pg() {
      return session.pg();
    }
  }

  SandboxConnection(Sandbox sandbox, ConnectionRoom room, Facts facts) {
    this.sandbox = sandbox;
    this.room = room;
    this.facts = facts;
    this.leases = new Leases(sandbox);
    this.wire = new Wire("sandpiper connection of " + sandbox.id());
    this.open = sandbox.run().shared(OpenConnections.class, OpenConnections::new);
  }

  Sandbox sandbox() {
    return sandbox;
  }

  Leases leases() {
    return leases;
  }

  /**
   * The raw connection, for what makes JDBC objects and does not reach the server; opens it where
   * it is not open yet.
   */
  PgConnection raw(Object use) throws SQLException {
    check(use);
    Opened known = opened;
    if (known != null) {
      return known.pg();
    }
    return wire.call(
        () -> {
          // It may have ended while another call had the wire; what is opened then stays open.
          check(use);
          return open().pg();
        });
  }

  /** Throws where this connection can be used no more. */
  void check(Object use) throws SQLException {
    if (ended) {
      throw SandboxEndedException.of(sandbox, use.toString());
    }
    SQLException first = broken;
    if (first != null) {
      // A refusal that the application swallows would hide that the test has gone astray.
      failsTest |= first instanceof SandboxException;
      throw first instanceof SandboxException
          ? new SandboxException(
              "%s cannot go on: %s".formatted(sandbox, first.getMessage()),
              first.getSQLState(),
              first)
          : new SandboxException(
              "The connection of %s is lost since: %s".formatted(sandbox, first.getMessage()),
              first.getSQLState() == null ? SandboxException.NOT_SUPPORTED : first.getSQLState(),
              first);
    }
  }

  /**
   * Does something on the server in the name of a handle.
   *
   * @param current the lease of the handle's transaction so far, or null
   * @param transaction whether the handle is in a transaction from now on
   */
  <T extends @Nullable Object> T execute(
      ConnectionHandle handle,
      @Nullable Lease current,
      boolean transaction,
      Request request,
      SqlCall<T> call)
      throws SQLException {
    Lease lease = leases.acquire(handle, current, transaction, request);
    if (transaction && current == null) {
      begun(handle, lease);
    }
    try {
      return perform(lease, request, call);
    } finally {
      if (!transaction) {
        leases.release(lease);
      }
    }
  }

  /** A connection that was closed while it waited for its turn has none to use. */
  private void begun(ConnectionHandle handle, Lease lease) throws SQLException {
    if (!handle.begun(lease)) {
      leases.release(lease);
      throw ConnectionHandle.hasBeenClosed();
    }
  }

  private <T extends @Nullable Object> T perform(Lease lease, Request request, SqlCall<T> call)
      throws SQLException {
    return wire.call(
        () -> {
          check(request);
          try {
            Opened now = open();
            T result = now.savepoints().run(lease, request, call);
            noteEscape(now.session(), null);
            return result;
          } catch (SQLException failed) {
            noteLoss(failed);
            noteNoWayBack(lease, lease.savepoint() == null || !lease.transaction(), failed);
            throw explained(request, readOnlyAround(lease, request, failed));
          }
        });
  }

  /** What has failed and cannot be undone for itself leaves everybody in a failed transaction. */
  private void noteNoWayBack(Lease lease, boolean over, SQLException failed) {
    Opened now = opened;
    if (broken != null || now == null) {
      return;
    }
    if (now.savepoints().adrift() || (over && !lease.nested() && now.session().failed())) {
      broken = failed;
    }
  }

  /**
   * Begins a COPY, which keeps the connection for itself until {@link #endCopy}.
   *
   * @param own whether it is a transaction of its own, as in autocommit
   */
  <T extends CopyOperation> Copying<T> beginCopy(
      ConnectionHandle handle,
      @Nullable Lease current,
      boolean own,
      Request request,
      SqlCall<T> call)
      throws SQLException {
    Lease lease = leases.acquire(handle, current, true, request);
    if (own) {
      lease.holdWork();
    } else if (current == null) {
      begun(handle, lease);
    }
    boolean begun = false;
    try {
      T operation =
          perform(
              lease,
              request,
              () -> {
                T open = call.call();
                lease.copying(open);
                lastCopy = open;
                return open;
              });
      begun = true;
      return new Copying<>(operation, lease, own);
    } finally {
      if (!begun && own) {
        end(lease, false, request);
      }
    }
  }

  /** A call of an open COPY. */
  <T extends @Nullable Object> T duringCopy(Object use, SqlCall<T> call) throws SQLException {
    return wire.call(
        () -> {
          check(use);
          try {
            return call.call();
          } catch (SQLException failed) {
            noteLoss(failed);
            throw failed;
          }
        });
  }

  void endCopy(Copying<?> copying, boolean succeeded, Object use) throws SQLException {
    copying.lease().copying(null);
    if (copying.own()) {
      end(copying.lease(), succeeded, use);
    }
  }

  /**
   * An open COPY.
   *
   * @param own whether it is a transaction of its own
   */
  record Copying<T extends CopyOperation>(T operation, Lease lease, boolean own) {}

  /** Commits or rolls back the transaction of a lease, and gives the lease back. */
  void end(Lease lease, boolean commit, Object use) throws SQLException {
    if (lease.innerThatWrote() != null) {
      lease.begunAt(CallSite.here());
    }
    try {
      wire.callThrough(
          () -> {
            check(use);
            try {
              settle(lease, commit, use);
            } catch (SQLException failed) {
              noteLoss(failed);
              noteNoWayBack(lease, true, failed);
              throw explained(use, failed);
            }
            return null;
          });
    } finally {
      leases.release(lease);
      lease.releaseWork();
    }
  }

  private void settle(Lease lease, boolean commit, Object use) throws SQLException {
    Opened now = open();
    cancelCopy(lease);
    if (leases.holder() != lease) {
      refuseBeforeInner(now, lease, commit, use);
    } else if (commit) {
      now.savepoints().commit(lease);
    } else {
      now.savepoints().undo(lease);
    }
    String lost = now.savepoints().lost();
    if (lost != null && broken == null) {
      broken = new SandboxException(lost, SandboxException.NOT_SUPPORTED);
    }
  }

  /** Whoever ends the transaction may not be the thread that copies, and knows nothing of it. */
  private void cancelCopy(Lease lease) throws SQLException {
    CopyOperation open = lease.copy();
    if (open != null && open.isActive()) {
      lease.copying(null);
      cancelCopy(open);
    }
  }

  /** Cancels a COPY, of which nothing is left on the wire then. */
  void cancelCopy(CopyOperation open) throws SQLException {
    if (open instanceof CopyOut out) {
      readAway(out);
    } else {
      open.cancelCopy();
    }
  }

  /** The driver's own way leaves its rows, and the answer to the cancel, to the next statement. */
  private void readAway(CopyOut out) throws SQLException {
    open().pg().cancelQuery();
    try {
      while (out.readFromCopy() != null) {
        continue;
      }
    } catch (SQLException cancelled) {
      if (out.isActive()) {
        throw cancelled;
      }
      noteLoss(cancelled);
    }
  }

  /** The end could take the open transaction inside along, with the savepoint it needs. */
  private void refuseBeforeInner(Opened now, Lease lease, boolean commit, Object use)
      throws SQLException {
    if (!now.savepoints().canEndBeforeInner(lease, commit)) {
      SandboxException refusal = leases.interleaved(use);
      broken = refusal;
      throw refusal;
    }
  }

  private Opened open() throws SQLException {
    Opened known = opened;
    if (known != null) {
      return known;
    }
    Connection connection = room.take(sandbox);
    if (!connection.isWrapperFor(PgConnection.class)) {
      String product = connection.getMetaData().getDatabaseProductName();
      room.giveBack(connection);
      throw new SandboxException(
          ("%s needs PostgreSQL for isolation TRANSACTION, and its DataSource leads to %s. Use"
                  + " @Sandboxed(isolation = NONE), which leaves the database alone.")
              .formatted(sandbox.testName(), product),
          SandboxException.NOT_SUPPORTED);
    }
    Opened fresh;
    try {
      fresh = begin(connection.unwrap(PgConnection.class));
    } catch (SQLException | RuntimeException failed) {
      // The next call tries again, with another one.
      room.discard(connection);
      throw failed;
    }
    taken = connection;
    opened = fresh;
    open.add(this);
    room.locks().opened(this);
    return fresh;
  }

  private Opened begin(PgConnection pg) throws SQLException {
    wire.connected(pg);
    Session session =
        Session.begin(pg, sandbox.id().sequence(), room.isDedicated(), room.locks().timeout());
    session.expect(facts.get(pg));
    return new Opened(session, new Savepoints(session, facts));
  }

  /** The process that serves it; 0 where it is not open. */
  int pid() {
    Opened known = opened;
    return known == null ? 0 : known.pg().getBackendPID();
  }

  /** Tells the processes of one server from those of another. */
  String server() {
    Opened known = opened;
    return known == null ? "" : known.session().server();
  }

  /** The call in progress, to be compared with itself later; null where there is none. */
  @Nullable Object running() {
    return wire.running();
  }

  /** The connections to the same server that sandboxes of its run have open, by process. */
  Map<Integer, SandboxConnection> neighbours() {
    return open.on(server());
  }

  /** The test that a process of the same server worked for until just now, or null. */
  @Nullable String justEnded(int pid) {
    return open.justEnded(server(), pid);
  }

  /** Whether the lock timeout may be the application's own by now. */
  boolean mayHaveSetLockTimeout() {
    Opened known = opened;
    return known != null && known.session().has(Trait.SETS_LOCK_TIMEOUT);
  }

  /** What the driver keeps of its own was changed through the raw connection. */
  void changedRaw() {
    Opened known = opened;
    if (known != null) {
      known.session().changedRaw();
    }
  }

  /** The name that the connection gave the server for its application before the sandbox did. */
  String applicationName() {
    Opened known = opened;
    return known == null ? "" : known.session().applicationName();
  }

  /** Cancels what runs, if it runs in the name of a handle. */
  void cancel(ConnectionHandle handle) throws SQLException {
    Lease holder = leases.holder();
    if (holder != null && holder.handle() == handle) {
      wire.cancel();
    }
  }

  /** Tells once, in the journal, that a stronger isolation was asked for than there is. */
  void noteIsolation(int level) {
    if (isolationNoted.compareAndSet(false, true)) {
      sandbox
          .journal()
          .note(
              "%s was asked for, and a TRANSACTION sandbox gives READ COMMITTED; DATABASE has it"
                  .formatted(
                      level == Connection.TRANSACTION_SERIALIZABLE
                          ? "SERIALIZABLE"
                          : "REPEATABLE READ"));
    }
  }

  private void noteLoss(SQLException failed) {
    Opened now = opened;
    if (broken != null || now == null || failed instanceof SandboxException) {
      return;
    }
    try {
      if (now.pg().isClosed()) {
        broken = failed;
        sandbox.journal().note("lost its database connection: " + failed.getMessage());
      } else {
        noteEscape(now.session(), failed);
      }
    } catch (SQLException unknown) {
      failed.addSuppressed(unknown);
    }
  }

  private void noteEscape(Session session, @Nullable SQLException cause) throws SQLException {
    if (broken == null && session.escaped()) {
      SandboxException escaped = escaped(cause);
      broken = escaped;
      failsTest = true;
      if (cause == null) {
        throw escaped;
      }
    }
  }

  private SandboxException escaped(@Nullable Throwable cause) {
    return new SandboxException(
        ("the transaction of %s has ended by SQL that the sandbox did not see, so rows may have"
                + " been committed. Use the connection's commit() and rollback(), or give the test"
                + " @Sandboxed(isolation = DATABASE)")
            .formatted(sandbox),
        SandboxException.NOT_SUPPORTED,
        cause);
  }

  /** Outside a sandbox a transaction is not read-only because the one around it is. */
  private static SQLException readOnlyAround(Lease lease, Object request, SQLException failed) {
    boolean inherited =
        lease.nested()
            && !lease.readOnly()
            && !lease.setTransaction()
            && READ_ONLY_TRANSACTION.equals(failed.getSQLState())
            && lease.around().stream()
                .anyMatch(outer -> outer.readOnly() || outer.setTransaction());
    return inherited
        ? new SandboxException(
            ("%s is inside a read-only transaction of the same thread, and in a TRANSACTION sandbox"
                    + " all that is inside one is read-only. End the outer transaction first, or"
                    + " give the test @Sandboxed(isolation = DATABASE). PostgreSQL says: %s")
                .formatted(request, failed.getMessage()),
            SandboxException.NOT_SUPPORTED,
            failed)
        : failed;
  }

  /** An error that there is only because of the sandboxes says so. */
  private SQLException explained(Object request, SQLException failed) {
    if (failed instanceof SandboxException) {
      return failed;
    }
    if (!PSQLState.ACTIVE_SQL_TRANSACTION.getState().equals(failed.getSQLState())) {
      return LockErrors.explained(this, room.locks(), request, failed);
    }
    return new SandboxException(
        ("Not supported in a TRANSACTION sandbox, which is one transaction from its first statement"
                + " on: %s. Give the test @Sandboxed(isolation = DATABASE). PostgreSQL says: %s")
            .formatted(request, failed.getMessage()),
        SandboxException.NOT_SUPPORTED,
        failed);
  }

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return leases.heldUpBy(thread);
  }

  @Override
  public void fence() {
    ended = true;
    leases.close();
    try {
      wire.cancel();
    } catch (SQLException failed) {
      // Then the call in progress ends by itself, or rollBack() gives up on the connection.
      sandbox.journal().note("could not cancel a statement: " + failed.getMessage());
    }
  }

  @Override
  public void rollBack() throws SQLException {
    boolean idle = wire.close(FENCE_SECONDS);
    try {
      Connection connection = taken;
      if (connection == null) {
        return;
      }
      room.locks().closed(this);
      if (!idle) {
        open.remove(this);
        room.discard(connection);
        throw new SandboxException(
            "a statement was still running %d s after the end; its connection was closed"
                .formatted(FENCE_SECONDS),
            SandboxException.WAIT);
      }
      rollBack(connection);
    } finally {
      if (idle) {
        wire.release();
      }
    }
  }

  private void rollBack(Connection connection) throws SQLException {
    Opened now = opened;
    // The server rolls back what a closed connection leaves.
    boolean reusable = now != null && !copying() && undo(now);
    open.remove(this);
    if (reusable) {
      room.giveBack(connection);
    } else {
      room.discard(connection);
    }
    if (failsTest && broken instanceof SandboxException first) {
      throw first;
    }
  }

  /** Whether a COPY is open, whose lease may have ended: nothing can be sent then. */
  private boolean copying() {
    CopyOperation last = lastCopy;
    return last != null && last.isActive();
  }

  /** Rolls back; returns whether the next sandbox may have the connection. */
  private boolean undo(Opened now) {
    try {
      if (now.pg().isClosed()) {
        return false;
      }
      noteEscape(now.session(), null);
      now.session().rollBack();
      return broken == null && now.session().reusable();
    } catch (SQLException | RuntimeException lostOrEscaped) {
      return false;
    }
  }
}
