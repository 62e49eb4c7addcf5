package io.sandpiper.jdbc;

import static io.sandpiper.Schedules.oneOf;

import io.sandpiper.jdbc.SandboxModel.Handle;
import java.io.Reader;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.copy.CopyOut;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

/**
 * A random unit of work of one sandbox, with its own idea of what it has committed. Each text names
 * the sandbox and the connection that it is sent by.
 */
final class RandomUnit {

  /** What a TRANSACTION sandbox never sends as the application's text. */
  static final List<String> REFUSED = List.of("COMMIT", "PREPARE TRANSACTION 'left'", "ROLLBACK");

  private static final int DEEPEST = 2;

  private final SandboxModel model;
  private final Source source;
  private final Random random;
  private final Handle handle;
  private final int depth;
  private final boolean insideOuter;
  private final List<Long> pending = new ArrayList<>();
  private boolean mustCommit;
  private boolean begun;
  private boolean doomed;

  private RandomUnit(
      SandboxModel model,
      Source source,
      Random random,
      Handle handle,
      int depth,
      boolean insideOuter) {
    this.model = model;
    this.source = source;
    this.random = random;
    this.handle = handle;
    this.depth = depth;
    this.insideOuter = insideOuter;
  }

  /** Where units get their connections and numbers from. */
  record Source(SandboxDataSource dataSource, AtomicInteger numbers) {}

  /** What a step does; it adds to the pending rows what it has written. */
  @FunctionalInterface
  private interface Step {
    void run() throws Exception;
  }

  static void run(SandboxModel model, Source source, Random random) throws Exception {
    run(model, source, random, 0, false);
  }

  /** Works; returns rows that stay only if the transaction around it is committed. */
  private static List<Long> run(
      SandboxModel model, Source source, Random random, int depth, boolean insideOuter)
      throws Exception {
    boolean transaction = random.nextInt(3) > 0;
    int number = source.numbers().incrementAndGet();
    Connection connection = source.dataSource().getConnection();
    Handle handle = null;
    try {
      handle = new Handle(number, connection, model);
      RandomUnit unit = new RandomUnit(model, source, random, handle, depth, insideOuter);
      return transaction ? unit.transaction() : unit.autocommit();
    } finally {
      if (!model.abandoned) {
        if (handle != null) {
          handle.leave();
        }
        connection.close();
      }
    }
  }

  private List<Long> autocommit() throws Exception {
    List<Long> inner = new ArrayList<>();
    for (int i = 0; i <= random.nextInt(4); i++) {
      try {
        step(false).run();
        inner.addAll(written(pending));
      } catch (Exception failed) {
        if (handle.closedByOthers || model.killed || !model.isTransaction()) {
          model.unsure(pending);
        }
        throw failed;
      } finally {
        pending.clear();
      }
    }
    return inner;
  }

  private List<Long> transaction() throws Exception {
    handle.connection.setAutoCommit(false);
    int steps = 1 + random.nextInt(5);
    for (int i = 0; i < steps && !doomed; i++) {
      if (model.mayAbandon && !model.abandoned && depth == 0 && random.nextInt(12) == 0) {
        abandon();
        return List.of();
      }
      step(true).run();
    }
    return end();
  }

  private List<Long> end() throws SQLException {
    List<Long> written = List.copyOf(pending);
    if (!mustCommit && (doomed || random.nextInt(3) == 0)) {
      note("rolls back");
      if (random.nextBoolean() && !handle.connection.isClosed()) {
        handle.connection.rollback();
      }
      return List.of();
    }
    note("commits " + written);
    try {
      handle.connection.commit();
    } catch (SQLException failed) {
      if (handle.closedByOthers || model.killed || model.interrupted) {
        model.unsure(written);
      }
      throw failed;
    }
    return written(written);
  }

  /** Takes note of rows that are committed; returns those that go with the transaction around. */
  private List<Long> written(List<Long> rows) {
    if (!insideOuter || !model.isTransaction()) {
      model.committed(rows);
      return List.of();
    }
    if (model.closings.get() > 0) {
      // There may have been no transaction around any more.
      model.unsure(rows);
    }
    return List.copyOf(rows);
  }

  private Step step(boolean inTransaction) {
    List<Step> steps =
        new ArrayList<>(
            List.<Step>of(
                this::insert,
                this::insert,
                this::insertSlowly,
                this::batch,
                () -> fails(inTransaction, "23502", insertion(0, "NULL")),
                () -> fails(inTransaction, "42P01", "SELECT * FROM nowhere"),
                () -> failingBatch(inTransaction),
                this::query,
                this::copyIn,
                this::dropCopyIn,
                this::copyOut,
                this::lock,
                () -> timesOut(inTransaction),
                this::nested));
    if (inTransaction) {
      steps.addAll(
          List.<Step>of(
              this::savepoint,
              this::deferred,
              this::largeObject,
              this::stream,
              this::insert,
              this::nested));
    } else if (model.isTransaction()) {
      steps.add(this::refused);
    }
    begun |= inTransaction;
    return oneOf(random, mustCommit ? List.<Step>of(this::insert, this::query) : steps);
  }

  private String tagged(String sql) {
    return new Tag(model.number(), handle.number).comment() + sql;
  }

  private static String insertion(long id, String name) {
    return "INSERT INTO item (id, name) VALUES (%d, %s)".formatted(id, name);
  }

  private long id() {
    return source.numbers().incrementAndGet();
  }

  private void execute(String sql) throws SQLException {
    note(sql);
    handle.statement.execute(tagged(sql));
  }

  private void insert() throws SQLException {
    long id = id();
    pending.add(id);
    if (random.nextBoolean()) {
      execute(insertion(id, "'x'"));
      return;
    }
    note("inserts " + id);
    try (PreparedStatement insert =
        handle.connection.prepareStatement(
            tagged("INSERT INTO item (id, name) VALUES (?, 'p')"),
            Statement.RETURN_GENERATED_KEYS)) {
      insert.setLong(1, id);
      insert.executeUpdate();
    }
  }

  private void insertSlowly() throws SQLException {
    long id = id();
    pending.add(id);
    execute("INSERT INTO item (id, name) SELECT %d, pg_sleep(0.01)::text".formatted(id));
  }

  private void batch() throws SQLException {
    for (int i = 0; i <= random.nextInt(4); i++) {
      long id = id();
      pending.add(id);
      handle.statement.addBatch(tagged(insertion(id, "'b'")));
    }
    note("batch of " + pending);
    handle.statement.executeBatch();
  }

  private void failingBatch(boolean inTransaction) throws Exception {
    List<Long> tried = List.of(id(), id());
    for (long id : tried) {
      handle.statement.addBatch(tagged(insertion(id, "'b'")));
    }
    handle.statement.addBatch(tagged(insertion(tried.get(0), "'again'")));
    note("batch that fails " + tried);
    if (!model.isTransaction()) {
      // What of it stays in autocommit is the driver's choice.
      model.unsure(inTransaction ? List.of() : tried);
    }
    expect("23505", inTransaction, handle.statement::executeBatch);
  }

  private void fails(boolean inTransaction, String state, String sql) throws Exception {
    note("fails: " + sql);
    expect(state, inTransaction, () -> handle.statement.execute(tagged(sql)));
  }

  private void expect(String state, boolean inTransaction, Step step) throws Exception {
    try {
      step.run();
    } catch (SQLException failed) {
      if (!state.equals(failed.getSQLState())) {
        throw failed;
      }
      doomed |= inTransaction;
      if (inTransaction) {
        pending.clear();
      }
      return;
    }
    throw new AssertionError("An error " + state + " was expected");
  }

  private void timesOut(boolean inTransaction) throws Exception {
    if (!inTransaction) {
      insert();
      return;
    }
    execute("SET LOCAL statement_timeout = 15");
    fails(true, "57014", "SELECT pg_sleep(20)");
  }

  private void refused() throws Exception {
    for (String sql : REFUSED) {
      expect("SP003", false, () -> handle.statement.execute(tagged(sql)));
    }
  }

  private void lock() throws SQLException {
    execute("SELECT pg_advisory_lock(%d)".formatted(id()));
  }

  private void query() throws SQLException {
    note("queries");
    try (ResultSet rows = handle.statement.executeQuery(tagged("SELECT id FROM item"))) {
      while (rows.next()) {
        rows.getLong(1);
      }
    }
  }

  /** Rows that come bit by bit, read to the end or not. */
  private void stream() throws SQLException {
    int read = random.nextInt(6);
    note("streams, reading " + read);
    handle.statement.setFetchSize(2);
    ResultSet rows =
        handle.statement.executeQuery(tagged("SELECT generate_series(1, 5) AS number"));
    for (int i = 0; i < read && rows.next(); i++) {
      rows.getLong(1);
    }
    handle.statement.setFetchSize(0);
    if (random.nextBoolean()) {
      rows.close();
    }
  }

  private void savepoint() throws SQLException {
    if (insideOuter) {
      // What writes and goes back counts as written, though no row tells of it.
      insert();
    }
    note("savepoint");
    Savepoint savepoint = handle.connection.setSavepoint();
    List<Long> before = List.copyOf(pending);
    insert();
    if (random.nextBoolean()) {
      note("releases it");
      handle.connection.releaseSavepoint(savepoint);
      return;
    }
    if (random.nextBoolean()) {
      try {
        handle.statement.execute(tagged("SELECT 1/0"));
        throw new AssertionError("A division by zero was possible");
      } catch (SQLException failed) {
        if (!"22012".equals(failed.getSQLState())) {
          throw failed;
        }
      }
    }
    note("goes back to it");
    handle.connection.rollback(savepoint);
    pending.clear();
    pending.addAll(before);
  }

  /** A violation that is found at the commit, unless the parent comes in time. */
  private void deferred() throws Exception {
    long parent = id();
    execute("INSERT INTO child VALUES (%d)".formatted(parent));
    if (random.nextBoolean()) {
      pending.add(parent);
      execute("INSERT INTO parent VALUES (%d)".formatted(parent));
      return;
    }
    if (random.nextBoolean()) {
      note("commits a violation");
      expect("23503", true, handle.connection::commit);
    }
    doomed = true;
  }

  private CopyManager copies() throws SQLException {
    return handle.connection.unwrap(PGConnection.class).getCopyAPI();
  }

  private static String copying() {
    return "COPY item (id, name) FROM STDIN";
  }

  private void copyIn() throws Exception {
    long id = id();
    pending.add(id);
    note("copies in " + id);
    try (Reader rows = new StringReader(id + "\tcopied\n")) {
      copies().copyIn(tagged(copying()), rows);
    }
  }

  private void dropCopyIn() throws Exception {
    note("begins a COPY and cancels it");
    var copy = copies().copyIn(tagged(copying()));
    byte[] row = (id() + "\tdropped\n").getBytes(StandardCharsets.UTF_8);
    copy.writeToCopy(row, 0, row.length);
    if (begun && random.nextBoolean()) {
      doomed = true;
      closeDuringCopy();
      return;
    }
    copy.cancelCopy();
    doomed = begun;
  }

  /** One to a database of the test says so, for others would wait for ever. */
  private void closeDuringCopy() throws SQLException {
    note("closes with the COPY open");
    try {
      handle.connection.close();
    } catch (SandboxException refused) {
      if (model.isTransaction() || !SandboxModel.isOfOpenCopy(refused)) {
        throw refused;
      }
    }
  }

  /**
   * After a cancel of it pgjdbc mixes up the answers, which is so in a database of the test too.
   */
  private void copyOut() throws Exception {
    note("copies out");
    if (!model.isTransaction() || random.nextBoolean()) {
      copies().copyOut(tagged("COPY (SELECT id FROM item) TO STDOUT"), new StringWriter());
      return;
    }
    CopyOut copy = copies().copyOut(tagged("COPY (SELECT generate_series(1, 9)) TO STDOUT"));
    copy.readFromCopy();
    copy.cancelCopy();
    doomed = begun;
  }

  private void largeObject() throws Exception {
    note("large object");
    LargeObjectManager objects = handle.connection.unwrap(PGConnection.class).getLargeObjectAPI();
    long oid = objects.createLO();
    pending.add(-oid);
    try (LargeObject object = objects.open(oid)) {
      object.write(new byte[3000]);
    }
  }

  /** What writes and commits inside another transaction binds that one to its commit. */
  private void nested() throws Exception {
    if (depth == DEEPEST) {
      insert();
      return;
    }
    model.nested = true;
    if (begun && pending.isEmpty()) {
      insert();
    }
    boolean inside = begun || insideOuter;
    List<Long> rows = run(model, source, random, depth + 1, inside);
    mustCommit |= begun && !rows.isEmpty();
    pending.addAll(rows);
  }

  /** Leaves a transaction or a COPY open, which only the end of the sandbox ends. */
  private void abandon() throws Exception {
    model.abandoned = true;
    note("is abandoned");
    execute(insertion(id(), "'left'"));
    if (random.nextBoolean()) {
      copies().copyIn(tagged(copying()));
    }
  }

  private void note(String text) {
    model.note("h%d %s".formatted(handle.number, text));
  }
}
