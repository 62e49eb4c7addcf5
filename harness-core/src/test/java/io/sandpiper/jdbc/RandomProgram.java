package io.sandpiper.jdbc;

import static io.sandpiper.Schedules.oneOf;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A random program: statements, failures, batches, transactions with savepoints, and work on a
 * second connection where a sandbox can nest it.
 *
 * <p>What comes next depends on what was seen, so that two runs with one seed are the same for as
 * long as they see the same.
 */
final class RandomProgram {

  private static final int STEPS = 40;
  private static final int IDS = 25;

  private final Connections db;
  private final Transcript seen;
  private final Random random;
  private final Connection connection;
  private final PreparedStatement insert;
  private final PreparedStatement select;
  private final PreparedStatement keyed;
  private final List<Savepoint> savepoints = new ArrayList<>();
  private boolean begun;
  private boolean failed;
  private boolean deferred;

  /** Whether a commit on the second connection would be lost with a rollback of the first. */
  private boolean mustCommit;

  private RandomProgram(Connections db, Transcript seen, Random random) throws SQLException {
    this.db = db;
    this.seen = seen;
    this.random = random;
    this.connection = db.open();
    this.insert = connection.prepareStatement("INSERT INTO item VALUES (?, ?, 'prepared')");
    this.select = connection.prepareStatement("SELECT * FROM item WHERE id < ? ORDER BY id");
    this.keyed =
        connection.prepareStatement(
            "INSERT INTO account (name) VALUES (?)", Statement.RETURN_GENERATED_KEYS);
  }

  static Program of(long seed) {
    return Program.program(
        "random program " + seed,
        (db, seen) -> new RandomProgram(db, seen, new Random(seed)).run());
  }

  /** Something that a program does; says whether it succeeded. */
  @FunctionalInterface
  private interface Step {
    boolean run() throws Exception;
  }

  private void run() throws Exception {
    for (int i = 0; i < STEPS; i++) {
      if (connection.getAutoCommit()) {
        oneOf(random, List.<Step>of(this::work, this::work, this::begin, this::nested)).run();
      } else if (mustCommit) {
        seen.sql(connection, "SELECT count(*) FROM item");
        end();
      } else {
        transactionStep();
      }
    }
    if (!connection.getAutoCommit()) {
      end();
    }
  }

  private void transactionStep() throws Exception {
    switch (random.nextInt(10)) {
      case 0 -> savepoint();
      case 1 -> rollBackTo();
      case 2 -> release();
      case 3 -> end();
      case 4 -> {
        if (!failed && !deferred) {
          nested();
        }
      }
      default -> {
        begun = true;
        failed |= !work();
      }
    }
  }

  private boolean begin() throws SQLException {
    connection.setAutoCommit(false);
    begun = false;
    failed = false;
    deferred = false;
    return true;
  }

  private void end() throws Exception {
    int way = mustCommit ? random.nextInt(2) : random.nextInt(4);
    switch (way) {
      case 0 -> seen.does("commit", connection::commit);
      case 1 -> seen.does("autocommit", () -> connection.setAutoCommit(true));
      default -> seen.does("rollback", connection::rollback);
    }
    savepoints.clear();
    begun = false;
    failed = false;
    deferred = false;
    mustCommit = false;
    if (!connection.getAutoCommit() && random.nextBoolean()) {
      seen.does("leave", () -> connection.setAutoCommit(true));
    }
  }

  private boolean work() throws Exception {
    return oneOf(
            random,
            List.<Step>of(
                () -> text("INSERT INTO item VALUES (%d, 'text')".formatted(id())),
                () -> text("UPDATE item SET owner = 'o%d' WHERE id < %d".formatted(id(), id())),
                () -> text("DELETE FROM item WHERE id = %d RETURNING *".formatted(id())),
                () -> text("SELECT count(*), max(id) FROM item"),
                () -> text(oneOf(random, List.of("SELECT 1/0", "SELECT * FROM nowhere"))),
                () -> text("INSERT INTO item VALUES (%d, NULL)".formatted(id())),
                () ->
                    text(
                        "INSERT INTO item VALUES (%d, 'two'); INSERT INTO item VALUES (%d, 'two')"
                            .formatted(id(), id())),
                () -> text("SELECT insert_or_not(%d)".formatted(id())),
                () -> text("CALL put(%d, 'called')".formatted(id())),
                this::prepared,
                this::query,
                this::keys,
                () -> batch(),
                () -> textBatch(),
                this::defer,
                this::metaData))
        .run();
  }

  private int id() {
    return random.nextInt(IDS);
  }

  private boolean text(String sql) throws Exception {
    return tried(
        sql,
        () -> {
          try (Statement statement = connection.createStatement()) {
            return Transcript.results(statement, statement.execute(sql));
          }
        });
  }

  private boolean prepared() throws Exception {
    int id = id();
    insert.setInt(1, id);
    insert.setString(2, "n" + id);
    return tried("insert " + id, insert::executeUpdate);
  }

  private boolean query() throws Exception {
    select.setInt(1, id());
    select.setFetchSize(random.nextInt(4));
    return tried("query", () -> Transcript.render(select.executeQuery()));
  }

  private boolean keys() throws Exception {
    keyed.setString(1, "name " + id());
    return tried(
        "keyed",
        () -> {
          int count = keyed.executeUpdate();
          return count + " " + Transcript.render(keyed.getGeneratedKeys());
        });
  }

  private boolean batch() throws Exception {
    int size = 1 + random.nextInt(6);
    for (int i = 0; i < size; i++) {
      insert.setInt(1, random.nextInt(IDS * 4));
      insert.setString(2, "batched");
      insert.addBatch();
    }
    return tried("batch of " + size, insert::executeBatch);
  }

  private boolean textBatch() throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.addBatch("UPDATE item SET name = 'batch' WHERE id < " + id());
      statement.addBatch("INSERT INTO item VALUES (%d, 'batch')".formatted(id()));
      if (random.nextInt(4) == 0) {
        statement.addBatch("SELECT nothing");
      }
      statement.addBatch("DELETE FROM item WHERE id = " + id());
      return tried("text batch", statement::executeBatch);
    }
  }

  /** A violation that is found at the commit, unless the parent comes in time. */
  private boolean defer() throws Exception {
    deferred = true;
    int id = random.nextInt(4);
    boolean parent = random.nextBoolean();
    return text(
        parent
            ? "INSERT INTO parent VALUES (%d)".formatted(id)
            : "INSERT INTO child_deferred VALUES (%d, %d)".formatted(id(), id));
  }

  private boolean metaData() throws Exception {
    return tried(
        "keys of item",
        () -> Transcript.render(connection.getMetaData().getPrimaryKeys(null, "public", "item")));
  }

  /** What is done on a second connection touches other rows: the two must not wait. */
  private boolean nested() throws Exception {
    try (Connection inner = db.open()) {
      boolean transaction = random.nextBoolean();
      inner.setAutoCommit(!transaction);
      int statements = 1 + random.nextInt(3);
      for (int i = 0; i < statements; i++) {
        seen.sql(inner, "INSERT INTO side.item VALUES (%d, 'inner')".formatted(id()));
      }
      boolean rollback = transaction && random.nextInt(3) == 0;
      if (transaction) {
        seen.does("inner end", rollback ? inner::rollback : inner::commit);
      }
      mustCommit |= begun && !rollback;
      return true;
    }
  }

  private void savepoint() throws Exception {
    begun = true;
    failed |=
        !tried(
            "savepoint",
            () -> {
              savepoints.add(
                  random.nextBoolean()
                      ? connection.setSavepoint()
                      : connection.setSavepoint("s" + savepoints.size()));
              return "set";
            });
  }

  private void rollBackTo() throws Exception {
    if (savepoints.isEmpty()) {
      return;
    }
    int at = random.nextInt(savepoints.size());
    boolean done =
        tried(
            "rollback to " + at,
            () -> {
              connection.rollback(savepoints.get(at));
              return "done";
            });
    failed = !done;
    savepoints.subList(at + 1, savepoints.size()).clear();
  }

  private void release() throws Exception {
    if (savepoints.isEmpty()) {
      return;
    }
    int at = random.nextInt(savepoints.size());
    boolean done =
        tried(
            "release " + at,
            () -> {
              connection.releaseSavepoint(savepoints.get(at));
              return "done";
            });
    failed |= !done;
    if (done) {
      savepoints.subList(at, savepoints.size()).clear();
    }
  }

  private boolean tried(String label, java.util.concurrent.Callable<?> action) throws Exception {
    boolean[] done = new boolean[1];
    seen.see(
        label,
        () -> {
          Object result = action.call();
          done[0] = true;
          return result;
        });
    return done[0];
  }
}
