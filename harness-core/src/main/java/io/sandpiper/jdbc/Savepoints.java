package io.sandpiper.jdbc;

import io.sandpiper.jdbc.SqlText.Trait;
import io.sandpiper.jdbc.TransactionStep.Kind;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.AutoSave;
import org.postgresql.jdbc.PgConnection;
import org.postgresql.jdbc.PreferQueryMode;
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

  private static final String NO_SUCH_SAVEPOINT = "3B001";

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
  private boolean adrift;

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
    if (lease.failed() || isLeftFailed(lease)) {
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
    T result;
    try {
      result = inSavepoint(lease, request, call);
    } finally {
      after(lease, request);
    }
    if (lease.transaction()) {
      request.texts().forEach(sql -> lease.taken(sql.steps()));
    }
    return result;
  }

  /** An autosave now would go back to an older one than its own. */
  private boolean isLeftFailed(Lease lease) {
    return lease.savepoint() == null && !lease.nested() && session.failed();
  }

  private <T extends @Nullable Object> T inSavepoint(Lease lease, Request request, SqlCall<T> call)
      throws SQLException {
    for (SqlText sql : request.texts()) {
      if (!sql.plain()) {
        note(lease, sql);
      }
    }
    refuseForeign(lease, request);
    if (lease.savepoint() != null) {
      return later(lease, call);
    }
    if (request.isSeveral() && !lease.transaction() && facts().defer() != null) {
      return named(lease, () -> checked(call));
    }
    return request.autosaves() && !lease.nested() && !isOneByOne(request)
        ? autosaved(lease, call)
        : named(lease, call);
  }

  /** After an error the server then sees the other statements too, as after one of the autosave. */
  private boolean isOneByOne(Request request) {
    return request.isSeveral() && session.pg().getPreferQueryMode() == PreferQueryMode.SIMPLE;
  }

  /**
   * A savepoint of the transaction around is none of the one inside it, although the server knows
   * it.
   */
  private void refuseForeign(Lease lease, Request request) throws SQLException {
    if (!lease.nested()) {
      return;
    }
    Set<String> known = new HashSet<>(lease.savepoints());
    for (SqlText sql : request.texts()) {
      for (TransactionStep step : sql.steps()) {
        if (step.is(Kind.SAVEPOINT)) {
          known.add(step.subject());
        } else if (step.uses() && !known.contains(step.subject()) && isAround(lease, step)) {
          failAsUnknown(step);
        }
      }
    }
  }

  private static boolean isAround(Lease lease, TransactionStep step) {
    return lease.around().stream().anyMatch(outer -> outer.savepoints().contains(step.subject()));
  }

  /** The transaction has failed after it, as with any name that the server does not know. */
  private void failAsUnknown(TransactionStep step) throws SQLException {
    try {
      session.send("%s \"%s of another transaction\"".formatted(step.kind().tag(), BASE));
    } catch (SQLException failed) {
      throw NO_SUCH_SAVEPOINT.equals(failed.getSQLState())
          ? new PSQLException(
              new ServerErrorMessage(
                  "SERROR\0VERROR\0C3B001\0Msavepoint \"%s\" does not exist\0Fxact.c\0"
                      .formatted(step.subject())))
          : failed;
    }
  }

  private void before(Lease lease, boolean several) throws SQLException {
    Lease outer = lease.outer();
    if (outer != null) {
      giveUpFailed(outer);
      interruptReadOnly(lease, outer);
      boolean otherModes = hasOtherModes(lease);
      lease.checksApart((facts().defer() == null && !otherModes) || nothingViolated());
      String modes =
          otherModes && lease.checksApart() ? constraints.beforeInner(facts()) + ";" : "";
      // Checks lock rows for the outer one, which must not count as writing of the inner one.
      lease.writersBefore(writers("SAVEPOINT " + name(lease) + ";" + modes + WRITERS));
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

  /** Whether a transaction around has set modes, which are not those that others begin with. */
  private boolean hasOtherModes(Lease lease) throws SQLException {
    return facts().deferrable() && lease.around().stream().anyMatch(Lease::setConstraints);
  }

  /**
   * In a read-only transaction nobody can write, and it has nothing to lose itself: it goes on in
   * another savepoint after the one inside it.
   */
  private void interruptReadOnly(Lease lease, Lease outer) throws SQLException {
    String savepoint = outer.savepoint();
    if (savepoint != null
        && outer.readOnly()
        && !lease.readOnly()
        && !session.failed()
        && !outer.setConstraints()
        && outer.savepoints().isEmpty()) {
      session.send("RELEASE SAVEPOINT " + savepoint);
      released(savepoint);
      outer.savepoint(null);
    }
  }

  private void releaseAll() throws SQLException {
    session.send(newBase(null));
    based();
  }

  /**
   * Releases all there is, or where there is no base yet one of a lease.
   *
   * @param savepoint of a lease that has to be released, or null
   */
  private String newBase(@Nullable String savepoint) {
    String released = based ? BASE : savepoint;
    return (released == null ? "" : "RELEASE SAVEPOINT " + released + ";") + "SAVEPOINT " + BASE;
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
      lease.setsTransaction();
    }
    if (sql.steps().stream().anyMatch(step -> step.is(Kind.SAVEPOINT))) {
      lease.releaseAtEnd();
    }
    if (sql.has(Trait.SETS_CONSTRAINTS)) {
      lease.setsConstraints();
    }
    if (sql.steps().stream().anyMatch(lease::wouldLose)) {
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
      keep(lease, lease.nested() ? checkAtCommit(lease) : null);
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
        adrift |= isOfAutosave(failed);
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
    String check = checkAtCommit(lease);
    if (check == null || lease.nested()) {
      keep(lease, check);
    } else {
      check(lease, check + ";" + newBase(lease.releasedAtEnd() ? lease.savepoint() : null));
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
      session.send(newBase(savepoint));
      based();
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

  /** The SQL that checks what a commit would check and leaves the modes of who goes on, or null. */
  private @Nullable String checkAtCommit(Lease lease) throws SQLException {
    if (!lease.nested()) {
      return constraints.atCommit(facts(), lease.setConstraints());
    }
    if (!lease.checksApart()) {
      return null;
    }
    String check = constraints.atCommit(facts(), lease.setConstraints() || hasOtherModes(lease));
    if (check == null) {
      return null;
    }
    StringBuilder sql = new StringBuilder(check);
    modesAround(lease).forEach(mode -> sql.append(';').append(mode));
    return sql.toString();
  }

  /** What has to be sent to give constraints the modes again that they have around a lease. */
  private static List<String> modesAround(Lease lease) {
    List<String> modes = new ArrayList<>();
    for (Lease each : lease.around()) {
      modes.addAll(0, each.modes());
      if (each.checksApart()) {
        break;
      }
    }
    return modes;
  }

  /**
   * Whether a transaction can end before the open one inside it, whose savepoint has to stay. What
   * it has left to its commit cannot be told from what the inner one has, so all must be well.
   */
  boolean canEndBeforeInner(Lease lease, boolean commit) throws SQLException {
    return lease.savepoint() == null
        || (commit
            && !session.failed()
            && !lease.releasedAtEnd()
            && !lease.setConstraints()
            && (facts().defer() == null || nothingViolated()));
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

  /** Whether the driver has gone back to an older savepoint than the one it was to go back to. */
  boolean adrift() {
    return adrift;
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

  /**
   * Whether the autosave has failed and not the statement, by a cancel or for want of memory. The
   * statement, which is on its way already, is then refused because of that; nothing is sent behind
   * a statement that has failed.
   */
  private static boolean isOfAutosave(SQLException failed) {
    SQLException next = failed.getNextException();
    while (next != null
        && !PSQLState.IN_FAILED_SQL_TRANSACTION.getState().equals(next.getSQLState())) {
      next = next.getNextException();
    }
    return next != null;
  }

  private static boolean isFromServer(SQLException failed) {
    return failed instanceof PSQLException fromDriver && fromDriver.getServerErrorMessage() != null
        || failed.getNextException() instanceof PSQLException next
            && next.getServerErrorMessage() != null;
  }
}
