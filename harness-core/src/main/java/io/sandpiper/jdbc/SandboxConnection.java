package io.sandpiper.jdbc;

import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import io.sandpiper.Work;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.postgresql.core.TransactionState;
import org.postgresql.jdbc.AutoSave;
import org.postgresql.jdbc.PgConnection;
import org.postgresql.util.PSQLException;

/**
 * The one physical connection of a sandbox, and the one transaction on it.
 *
 * <p>Every lease gets a savepoint, so that an autocommit statement that fails and an application
 * transaction that rolls back take only their own effects with them. The savepoint is pgjdbc's
 * autosave, switched on for the first statement of the lease: it travels with the statement and
 * costs no round trip. Nested leases, and statements that pgjdbc sends without one, get a savepoint
 * by name.
 */
final class SandboxConnection implements SandboxPart {

  private static final String BASE = "sandpiper";
  private static final String AUTOSAVE = "PGJDBC_AUTOSAVE";

  /** Unreleased savepoints cost 10 kB each in the server. */
  private static final int RELEASE_EVERY = 32;

  private static final int TRANSACTION_TIMEOUT_SINCE = 170000;
  private static final long FENCE_SECONDS = 5;

  private final Sandbox sandbox;
  private final ConnectionRoom room;
  private final Leases leases;

  /** Held during each driver call, because a lease may be used by several threads. */
  private final ReentrantLock wire = new ReentrantLock();

  private @Nullable Connection pooled;
  private volatile @Nullable PgConnection pg;
  private @Nullable SQLException broken;
  private int unreleased;
  private volatile boolean ended;
  private volatile boolean cancelled;

  SandboxConnection(Sandbox sandbox, ConnectionRoom room) {
    this.sandbox = sandbox;
    this.room = room;
    this.leases = new Leases(sandbox);
  }

  Sandbox sandbox() {
    return sandbox;
  }

  /**
   * The raw connection, for what makes JDBC objects and does not reach the server; opens it where
   * it is not open yet.
   */
  PgConnection raw(String use) throws SQLException {
    PgConnection known = pg;
    if (known != null) {
      check(use);
      return known;
    }
    wire.lock();
    try {
      check(use);
      return connect();
    } finally {
      wire.unlock();
    }
  }

  /** Throws where this connection can be used no more. */
  void check(String use) throws SQLException {
    if (ended) {
      throw SandboxEndedException.of(sandbox, use);
    }
    SQLException first = broken;
    if (first != null) {
      throw new SandboxException(
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
   * @param autosaves whether pgjdbc surely puts its savepoint before what the call sends
   * @param use what it is, for errors
   */
  <T extends @Nullable Object> T execute(
      ConnectionHandle handle,
      @Nullable Lease current,
      boolean transaction,
      boolean autosaves,
      String use,
      SqlCall<T> call)
      throws SQLException {
    Lease lease = leases.acquire(handle, current, transaction, use);
    if (transaction && current == null) {
      handle.begun(lease);
    }
    wire.lock();
    try {
      check(use);
      ready(lease);
      return inSavepoint(lease, autosaves, call);
    } catch (SQLException failed) {
      noteLoss(failed);
      throw failed;
    } finally {
      wire.unlock();
      if (!transaction) {
        leases.release(lease);
      }
    }
  }

  private PgConnection connect() throws SQLException {
    PgConnection known = pg;
    if (known != null) {
      return known;
    }
    Connection taken = room.take();
    if (!taken.isWrapperFor(PgConnection.class)) {
      String product = taken.getMetaData().getDatabaseProductName();
      room.giveBack(taken);
      throw new SandboxException(
          ("%s needs PostgreSQL for isolation TRANSACTION, and its DataSource leads to %s. Use"
                  + " @Sandboxed(isolation = NONE), which leaves the database alone.")
              .formatted(sandbox.testName(), product),
          SandboxException.NOT_SUPPORTED);
    }
    PgConnection raw = taken.unwrap(PgConnection.class);
    pooled = taken;
    pg = raw;
    return raw;
  }

  private void ready(Lease lease) throws SQLException {
    PgConnection raw = connect();
    if (raw.getAutoCommit()) {
      open(raw);
    } else if (!lease.nested() && lease.savepoint() == null && ++unreleased >= RELEASE_EVERY) {
      unreleased = 0;
      send("RELEASE SAVEPOINT %1$s;SAVEPOINT %1$s".formatted(BASE));
    }
  }

  private void open(PgConnection raw) throws SQLException {
    raw.setAutoCommit(false);
    send(
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE"
            + ";SET LOCAL application_name='sp:%d'".formatted(sandbox.id().sequence())
            + ";SET LOCAL lock_timeout='10s'"
            + ";SET LOCAL idle_in_transaction_session_timeout=0"
            + (raw.haveMinimumServerVersion(TRANSACTION_TIMEOUT_SINCE)
                ? ";SET LOCAL transaction_timeout=0"
                : "")
            + ";SET CONSTRAINTS ALL IMMEDIATE"
            + ";SAVEPOINT "
            + BASE);
  }

  private <T extends @Nullable Object> T inSavepoint(
      Lease lease, boolean autosaves, SqlCall<T> call) throws SQLException {
    if (lease.failed()) {
      throw new PSQLException(
          "ERROR: current transaction is aborted, commands ignored until end of transaction block",
          org.postgresql.util.PSQLState.IN_FAILED_SQL_TRANSACTION);
    }
    if (lease.savepoint() != null) {
      return later(lease, call);
    }
    return autosaves && !lease.nested() ? autosaved(lease, call) : named(lease, call);
  }

  /** A statement after the first one of a transaction: an error leaves it failed. */
  private <T extends @Nullable Object> T later(Lease lease, SqlCall<T> call) throws SQLException {
    try {
      return call.call();
    } catch (SQLException failed) {
      if (isFromServer(failed)) {
        lease.fail();
      }
      throw failed;
    }
  }

  private <T extends @Nullable Object> T autosaved(Lease lease, SqlCall<T> call)
      throws SQLException {
    PgConnection raw = connect();
    raw.setAutosave(AutoSave.ALWAYS);
    try {
      T result = call.call();
      lease.savepoint(AUTOSAVE);
      return result;
    } catch (SQLException failed) {
      // pgjdbc has gone back to the savepoint; in production the transaction would be failed now.
      if (lease.transaction() && isFromServer(failed)) {
        lease.fail();
      }
      throw failed;
    } finally {
      raw.setAutosave(AutoSave.NEVER);
    }
  }

  private <T extends @Nullable Object> T named(Lease lease, SqlCall<T> call) throws SQLException {
    String savepoint = "sandpiper_" + lease.depth();
    send("SAVEPOINT " + savepoint);
    lease.savepoint(savepoint);
    T result;
    try {
      result = later(lease, call);
    } catch (SQLException failed) {
      if (!lease.transaction()) {
        undo(lease);
      }
      throw failed;
    }
    if (!lease.transaction()) {
      keep(lease);
    }
    return result;
  }

  /** Commits or rolls back the transaction of a lease, and gives the lease back. */
  void end(Lease lease, boolean commit, String use) throws SQLException {
    wire.lock();
    try {
      check(use);
      if (commit && !lease.failed()) {
        keep(lease);
      } else {
        undo(lease);
      }
    } catch (SQLException failed) {
      noteLoss(failed);
      throw failed;
    } finally {
      wire.unlock();
      leases.release(lease);
      Work work = lease.work();
      if (work != null) {
        work.release(null);
      }
    }
  }

  private void keep(Lease lease) throws SQLException {
    String savepoint = lease.savepoint();
    if (savepoint != null && lease.nested()) {
      send("RELEASE SAVEPOINT " + savepoint);
    }
  }

  private void undo(Lease lease) throws SQLException {
    String savepoint = lease.savepoint();
    if (savepoint != null) {
      send("ROLLBACK TO SAVEPOINT " + savepoint);
      keep(lease);
    }
  }

  private void send(String sql) throws SQLException {
    try (Statement statement = connect().createStatement()) {
      statement.execute(sql);
    }
  }

  private static boolean isFromServer(SQLException failed) {
    return failed instanceof PSQLException fromDriver && fromDriver.getServerErrorMessage() != null
        || failed.getNextException() instanceof PSQLException next
            && next.getServerErrorMessage() != null;
  }

  private void noteLoss(SQLException failed) {
    PgConnection raw = pg;
    if (broken != null || raw == null || failed instanceof SandboxException) {
      return;
    }
    try {
      if (raw.isClosed()) {
        broken = failed;
        sandbox.journal().note("lost its database connection: " + failed.getMessage());
      } else if (!raw.getAutoCommit() && raw.getTransactionState() == TransactionState.IDLE) {
        broken = escaped(failed);
      }
    } catch (SQLException unknown) {
      failed.addSuppressed(unknown);
    }
  }

  private SQLException escaped(@Nullable Throwable cause) {
    return new SandboxException(
        "the transaction of %s has ended by SQL that the sandbox did not see".formatted(sandbox),
        SandboxException.NOT_SUPPORTED,
        cause);
  }

  @Override
  public void fence() {
    ended = true;
    leases.close();
    PgConnection raw = pg;
    if (raw != null && wire.isLocked()) {
      cancelled = true;
      try {
        raw.cancelQuery();
      } catch (SQLException ignored) {
        // Then the call in progress ends by itself, or rollBack() gives up on the connection.
        sandbox.journal().note("could not cancel a statement: " + ignored.getMessage());
      }
    }
  }

  @Override
  public void rollBack() throws SQLException, InterruptedException {
    boolean idle = wire.tryLock(FENCE_SECONDS, TimeUnit.SECONDS);
    Connection taken = pooled;
    PgConnection raw = pg;
    try {
      if (taken == null || raw == null) {
        return;
      }
      if (!idle) {
        room.discard(taken);
        throw new SandboxException(
            "a statement was still running %d s after the end; its connection was closed"
                .formatted(FENCE_SECONDS),
            SandboxException.WAIT);
      }
      rollBack(taken, raw);
    } finally {
      if (idle) {
        wire.unlock();
      }
    }
  }

  private void rollBack(Connection taken, PgConnection raw) throws SQLException {
    boolean escaped =
        broken instanceof SandboxException
            || (!raw.isClosed()
                && !raw.getAutoCommit()
                && raw.getTransactionState() == TransactionState.IDLE);
    try {
      if (!raw.isClosed() && !raw.getAutoCommit()) {
        raw.rollback();
        raw.setAutoCommit(true);
      }
    } catch (SQLException failed) {
      // The server rolls back what a lost connection leaves.
      broken = failed;
    }
    // A cancel may reach the server late, and would hit a statement of the next sandbox.
    if (broken == null && !escaped && !cancelled) {
      room.giveBack(taken);
    } else {
      room.discard(taken);
    }
    if (escaped) {
      throw escaped(broken);
    }
  }

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return leases.heldUpBy(thread);
  }
}
