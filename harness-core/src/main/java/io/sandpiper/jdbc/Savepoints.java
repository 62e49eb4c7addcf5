package io.sandpiper.jdbc;

import io.sandpiper.jdbc.SqlText.Trait;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.AutoSave;
import org.postgresql.jdbc.PgConnection;
import org.postgresql.util.PSQLException;
import org.postgresql.util.PSQLState;
import org.postgresql.util.ServerErrorMessage;

/**
 * The transactions of the application, and its autocommit statements, as savepoints in the one
 * transaction of a sandbox. Used under the wire.
 *
 * <p>A lease gets its savepoint at its first statement, so an autocommit statement that fails and
 * an application transaction that rolls back take only their own effects with them. It is pgjdbc's
 * autosave, switched on for that statement: it travels with it and costs no round trip. Nested and
 * read-only leases, and statements that pgjdbc sends without an autosave, get a savepoint by name.
 */
final class Savepoints {

  /** What all later ones are released down to. */
  private static final String BASE = "sandpiper";

  private static final String PROBE = "sandpiper_probe";

  private static final String AUTOSAVE = "PGJDBC_AUTOSAVE";

  /** Unreleased savepoints cost 10 kB each in the server, and more than 64 slow everybody down. */
  private static final int RELEASE_EVERY = 32;

  /** That many stay below the base, so that a sandbox that needs no base has none. */
  private static final int WITHOUT_BASE = 16;

  /** Rises when a subtransaction writes for the first time. */
  private static final String WRITERS =
      "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()"
          + " AND locktype = 'transactionid' AND mode = 'ExclusiveLock'";

  /** What the server says in a transaction that has failed, in the form of its protocol. */
  private static final String ABORTED =
      "SERROR\0VERROR\0C25P02\0Mcurrent transaction is aborted, commands ignored until end of"
          + " transaction block\0Fpostgres.c\0Rexec_parse_message\0";

  private final Session session;
  private final Facts facts;
  private final ConstraintModes constraints = new ConstraintModes();
  private int unreleased;
  private boolean based;
  private @Nullable String fresh;
  private long freshSince;

  /** The database as this transaction sees it, where it has defined something itself. */
  private @Nullable DatabaseFacts own;

  private boolean redefined;
  private @Nullable String lost;

  Savepoints(Session session, Facts facts) {
    this.session = session;
    this.facts = facts;
  }

  /**
   * Makes a call of the driver.
   *
   * @param request what it sends, as far as that is known
   */
  <T extends @Nullable Object> T run(Lease lease, Request request, SqlCall<T> call)
      throws SQLException {
    if (lease.failed()) {
      throw new PSQLException(new ServerErrorMessage(ABORTED));
    }
    for (SqlText sql : request.texts()) {
      session.mark(sql);
    }
    session.useSchema(lease.handle().schema());
    if (lease.savepoint() == null) {
      before(lease, request.isSeveral());
    } else if (redefined && lease.transaction() && !lease.setConstraints() && !session.failed()) {
      sendIfAny(facts().defer());
    }
    try {
      return inSavepoint(lease, request, call);
    } finally {
      after(lease, request);
    }
  }

  private <T extends @Nullable Object> T inSavepoint(Lease lease, Request request, SqlCall<T> call)
      throws SQLException {
    for (SqlText sql : request.texts()) {
      if (!sql.plain()) {
        note(lease, sql);
      }
    }
    if (lease.savepoint() != null) {
      return later(lease, call);
    }
    if (request.isSeveral() && !lease.transaction() && facts().defer() != null) {
      return named(lease, () -> checked(call));
    }
    return request.autosaves() && !lease.nested() ? autosaved(lease, call) : named(lease, call);
  }

  private void before(Lease lease, boolean several) throws SQLException {
    Lease outer = lease.outer();
    if (outer != null) {
      giveUpFailed(outer);
      // The check locks rows, so it counts as writing: it must not be the inner one's.
      lease.checksApart(facts().defer() == null || nothingViolated());
      lease.writersBefore(writers("SAVEPOINT " + name(lease) + ";" + WRITERS));
      lease.savepoint(name(lease));
      lease.releaseAtEnd();
    } else {
      if (++unreleased >= (based ? RELEASE_EVERY : WITHOUT_BASE)) {
        releaseAll();
      }
      sendIfAny(
          lease.transaction() || several
              ? constraints.beforeTransaction(facts())
              : constraints.beforeStatement(facts()));
    }
    String fresh = takeFresh();
    if (lease.readOnly()) {
      session.send(
          (lease.nested() ? "" : "SAVEPOINT %s;".formatted(name(lease)))
              + "SET TRANSACTION READ ONLY");
      lease.savepoint(name(lease));
      lease.releaseAtEnd();
    } else if (fresh != null && !lease.nested()) {
      lease.savepoint(fresh);
    }
  }

  /**
   * Whether what the outer transaction has left to its commit would pass now. What waits for its
   * commit cannot be told from what waits for an inner one's, so only then can that be checked.
   */
  private boolean nothingViolated() throws SQLException {
    session.send("SAVEPOINT " + PROBE);
    try {
      session.send("SET CONSTRAINTS ALL IMMEDIATE");
      return true;
    } catch (SQLException violated) {
      return false;
    } finally {
      session.send("ROLLBACK TO SAVEPOINT %1$s;RELEASE SAVEPOINT %1$s".formatted(PROBE));
    }
  }

  private void releaseAll() throws SQLException {
    session.send(newBase());
    based();
  }

  private String newBase() {
    return (based ? "RELEASE SAVEPOINT " + BASE + ";" : "") + "SAVEPOINT " + BASE;
  }

  private void based() {
    based = true;
    unreleased = 0;
    nothingSince(BASE);
  }

  /** A savepoint with nothing after it serves the next lease, which needs none of its own then. */
  private void nothingSince(String savepoint) {
    fresh = savepoint;
    freshSince = session.sent();
  }

  private @Nullable String takeFresh() {
    String savepoint = freshSince == session.sent() ? fresh : null;
    fresh = null;
    return savepoint;
  }

  /**
   * A transaction that has failed can only be rolled back, so it is at once: a new one in it could
   * do nothing otherwise.
   */
  private void giveUpFailed(Lease outer) throws SQLException {
    if (session.failed()) {
      undo(outer);
      outer.fail();
    }
  }

  private long writers(String sql) throws SQLException {
    return Long.parseLong(session.ask(sql));
  }

  private void note(Lease lease, SqlText sql) throws SQLException {
    session.note(sql);
    if (sql.has(Trait.SETS_TRANSACTION)) {
      lease.releaseAtEnd();
    }
    if (sql.has(Trait.SETS_CONSTRAINTS)) {
      lease.setsConstraints();
    }
    if (sql.rollsBackInPart()) {
      losesInner(lease);
    }
  }

  private void after(Lease lease, Request request) {
    for (SqlText sql : request.texts()) {
      if (sql.has(Trait.DDL)) {
        redefined = true;
        constraints.unknown();
      }
      if (sql.rollsBackInPart()) {
        session.wentBackInPart();
        redefined |= own != null;
      }
    }
    if (!lease.transaction() && lease.setConstraints()) {
      constraints.unknown();
    }
  }

  private static String name(Lease lease) {
    return "sandpiper_" + lease.depth();
  }

  /** A statement in a savepoint: an error leaves a transaction failed. */
  private <T extends @Nullable Object> T later(Lease lease, SqlCall<T> call) throws SQLException {
    T result;
    try {
      result = call.call();
      call.learn(result);
    } catch (SQLException failed) {
      if (!lease.transaction()) {
        undo(lease);
      }
      throw failed;
    }
    if (!lease.transaction()) {
      keep(
          lease,
          lease.nested() && lease.checksApart() ? constraints.atCommit(facts(), false) : null);
    }
    return result;
  }

  private <T extends @Nullable Object> T autosaved(Lease lease, SqlCall<T> call)
      throws SQLException {
    PgConnection pg = session.pg();
    T result;
    pg.setAutosave(AutoSave.ALWAYS);
    try {
      result = call.call();
      lease.savepoint(AUTOSAVE);
    } catch (SQLException failed) {
      // pgjdbc has gone back to the savepoint; in production the transaction would be failed now.
      if (isFromServer(failed)) {
        if (lease.transaction()) {
          lease.fail();
        }
        nothingSince(AUTOSAVE);
      } else if (cameAfterwards(failed)) {
        lease.savepoint(AUTOSAVE);
      }
      throw failed;
    } finally {
      pg.setAutosave(AutoSave.NEVER);
    }
    // What the driver asks by itself would get an autosave too, behind the statement's own.
    return later(
        lease,
        () -> {
          call.learn(result);
          return result;
        });
  }

  private <T extends @Nullable Object> T named(Lease lease, SqlCall<T> call) throws SQLException {
    session.send("SAVEPOINT " + name(lease));
    lease.savepoint(name(lease));
    return later(lease, call);
  }

  /** Several statements at once are one transaction, also in autocommit. */
  private <T extends @Nullable Object> T checked(SqlCall<T> call) throws SQLException {
    T result = call.call();
    call.learn(result);
    sendIfAny(constraints.atCommit(facts(), true));
    return result;
  }

  /** What a commit does: checks what was deferred, and lets the effects stay. */
  void commit(Lease lease) throws SQLException {
    if (session.failed()) {
      undo(lease);
      return;
    }
    if (lease.savepoint() == null) {
      return;
    }
    String check =
        lease.nested() && !lease.checksApart()
            ? null
            : constraints.atCommit(facts(), lease.setConstraints());
    if (check == null || lease.releasedAtEnd()) {
      keep(lease, check);
    } else {
      check(lease, check + ";" + newBase());
      based();
    }
  }

  private void keep(Lease lease, @Nullable String check) throws SQLException {
    String savepoint = lease.savepoint();
    if (savepoint != null && lease.nested()) {
      keepInside(lease, check == null ? "" : check + ";", savepoint);
      return;
    }
    check(lease, check);
    if (savepoint != null && lease.releasedAtEnd()) {
      session.send("RELEASE SAVEPOINT " + savepoint);
      released(savepoint);
    }
  }

  /** The check may lock rows for the outer one, which is no write of the inner one. */
  private void keepInside(Lease lease, String check, String savepoint) throws SQLException {
    long writers;
    try {
      writers = writers(WRITERS + ";" + check + "RELEASE SAVEPOINT " + savepoint);
    } catch (SQLException violated) {
      undo(lease);
      throw violated;
    }
    if (writers > lease.writersBefore()) {
      lease.wroteInsideOuter();
    }
  }

  private void check(Lease lease, @Nullable String sql) throws SQLException {
    try {
      sendIfAny(sql);
    } catch (SQLException violated) {
      undo(lease);
      throw violated;
    }
  }

  private void released(String savepoint) {
    based &= !savepoint.equals(BASE);
  }

  /** What a rollback does. */
  void undo(Lease lease) throws SQLException {
    String savepoint = lease.savepoint();
    if (savepoint != null) {
      if (lease.releasedAtEnd()) {
        session.send("ROLLBACK TO SAVEPOINT %1$s;RELEASE SAVEPOINT %1$s".formatted(savepoint));
        released(savepoint);
      } else {
        session.send("ROLLBACK TO SAVEPOINT " + savepoint);
        nothingSince(savepoint);
      }
      lease.savepoint(null);
      session.wentBack();
      redefined |= own != null;
      losesInner(lease);
    }
  }

  private void losesInner(Lease lease) {
    Lease inner = lease.innerThatWrote();
    if (inner != null && lost == null) {
      lost =
          ("the transaction of %s was rolled back at %s after the one inside it, begun at %s, had"
                  + " written and committed. Outside a sandbox the inner rows would stay; in"
                  + " a TRANSACTION sandbox, which has one transaction, they are lost. Give the test"
                  + " @Sandboxed(isolation = DATABASE)")
              .formatted(lease.name(), lease.site(), inner.site());
    }
  }

  /** Why the database is no longer what it would be outside a sandbox, or null where it is. */
  @Nullable String lost() {
    return lost;
  }

  private DatabaseFacts facts() throws SQLException {
    if (redefined) {
      redefined = false;
      own = DatabaseFacts.read(session.pg());
    }
    DatabaseFacts seen = own;
    return seen != null ? seen : facts.get(session.pg());
  }

  private void sendIfAny(@Nullable String sql) throws SQLException {
    if (sql != null) {
      session.send(sql);
    }
  }

  /** Whether the driver did not like what came back of a statement that has succeeded. */
  private static boolean cameAfterwards(SQLException failed) {
    return PSQLState.NO_DATA.getState().equals(failed.getSQLState())
        || PSQLState.TOO_MANY_RESULTS.getState().equals(failed.getSQLState());
  }

  private static boolean isFromServer(SQLException failed) {
    return failed instanceof PSQLException fromDriver && fromDriver.getServerErrorMessage() != null
        || failed.getNextException() instanceof PSQLException next
            && next.getServerErrorMessage() != null;
  }
}
