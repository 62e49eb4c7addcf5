package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.Program.on;
import static io.sandpiper.jdbc.Program.program;

import java.sql.Connection;
import java.sql.Savepoint;
import java.util.List;

/** Savepoints by their names, which are those of one transaction. */
final class SavepointPrograms {

  private static final String IDS = "SELECT id FROM item ORDER BY id";

  private SavepointPrograms() {}

  private static String insert(int id) {
    return "INSERT INTO item VALUES (%d, 'n')".formatted(id);
  }

  static List<Program> all() {
    return List.of(
        on(
            "a savepoint of a committed transaction as SQL text",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, insert(1), "SAVEPOINT s", insert(2));
              seen.does("commit", c::commit);
              seen.sql(c, insert(3), "ROLLBACK TO SAVEPOINT s", "SELECT 1");
              c.rollback();
              seen.sql(c, IDS, "RELEASE SAVEPOINT s");
              c.rollback();
              seen.sql(c, "ROLLBACK TO s");
              c.rollback();
              seen.sql(c, insert(4), "SAVEPOINT \"S\"", insert(5), "ROLLBACK TO \"S\"");
              seen.does("commit again", c::commit);
              seen.sql(c, "SELECT 1; ROLLBACK TO \"S\"");
              c.rollback();
              seen.sql(c, IDS);
            }),
        on(
            "a savepoint of a committed transaction by the API",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, insert(1));
              Savepoint named = c.setSavepoint("s");
              Savepoint unnamed = c.setSavepoint();
              seen.sql(c, insert(2));
              c.commit();
              seen.sql(c, insert(3));
              seen.does("back to the named one", () -> c.rollback(named));
              c.rollback();
              seen.sql(c, insert(3), "ROLLBACK TO s");
              c.rollback();
              seen.sql(c, insert(3));
              seen.does("back to the unnamed one", () -> c.rollback(unnamed));
              c.rollback();
              seen.sql(c, insert(3), "SAVEPOINT s", insert(4));
              seen.does("back by the name of another one", () -> c.rollback(named));
              c.commit();
              seen.sql(c, IDS);
              seen.does("release after commit", () -> c.releaseSavepoint(named));
              c.rollback();
              seen.sql(c, "SAVEPOINT s");
              seen.does("release by the name of another one", () -> c.releaseSavepoint(named));
              c.commit();
              seen.sql(c, IDS);
            }),
        on(
            "savepoints and deferred constraints",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  "INSERT INTO child_deferred VALUES (1, 7)",
                  "SAVEPOINT s",
                  "INSERT INTO parent VALUES (7)");
              seen.does("commit", c::commit);
              seen.sql(c, "ROLLBACK TO s");
              c.rollback();
              seen.sql(c, "INSERT INTO child_deferred VALUES (2, 8)", "SAVEPOINT s");
              seen.does("violated", c::commit);
              seen.sql(c, "ROLLBACK TO s");
              c.rollback();
              seen.sql(c, "SELECT * FROM child_deferred");
            }),
        on(
            "all ways to write a rollback in part",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  insert(1),
                  "SAVEPOINT s",
                  insert(2),
                  "ROLLBACK WORK TO s",
                  IDS,
                  insert(2),
                  "ROLLBACK TRANSACTION TO SAVEPOINT s",
                  insert(2),
                  "rollback/* all */work to savepoint S",
                  insert(3),
                  "-- back\nROLLBACK TO s",
                  insert(4),
                  "SELECT 1; ROLLBACK TRANSACTION TO s; INSERT INTO item VALUES (5, 'n')",
                  "SAVEPOINT savepoint",
                  insert(6),
                  "ROLLBACK TO savepoint",
                  "RELEASE savepoint",
                  IDS);
              seen.does("commit", c::commit);
              seen.sql(c, "ROLLBACK WORK TO s");
              c.rollback();
            }),
        on(
            "savepoints in a text of several statements in autocommit mode",
            (c, seen) ->
                seen.sql(
                    c,
                    "INSERT INTO item VALUES (1, 'n'); SAVEPOINT s; INSERT INTO item VALUES (2, 'n')",
                    "INSERT INTO item VALUES (3, 'n'); ROLLBACK TO SAVEPOINT s",
                    "INSERT INTO item VALUES (4, 'n'); RELEASE s",
                    "SAVEPOINT s; INSERT INTO item VALUES (5, 'n')",
                    "LOCK TABLE item; INSERT INTO item VALUES (6, 'n')",
                    "/* no transaction */ SAVEPOINT s",
                    IDS)),
        on(
            "what needs a transaction, in a batch in autocommit mode",
            (c, seen) -> {
              int id = 0;
              for (String text : List.of("LOCK TABLE item", "SAVEPOINT s", "ROLLBACK TO s")) {
                for (boolean first : new boolean[] {true, false}) {
                  try (var s = c.createStatement()) {
                    String insert = insert(++id);
                    s.addBatch(first ? text : insert);
                    s.addBatch(first ? insert : text);
                    seen.see(text + " first is " + first, s::executeBatch);
                  }
                }
              }
              seen.sql(c, IDS);
            }),
        program(
            "savepoints of another open transaction",
            (db, seen) -> {
              Connection outer = db.open();
              outer.setAutoCommit(false);
              seen.sql(outer, insert(1), "SAVEPOINT s", insert(2));
              Savepoint named = outer.setSavepoint("named");
              Connection inner = db.open();
              inner.setAutoCommit(false);
              seen.sql(inner, "ROLLBACK TO s", "SELECT 1");
              inner.rollback();
              seen.sql(inner, insert(3), "RELEASE s");
              inner.rollback();
              seen.sql(inner, insert(3), "ROLLBACK TO named");
              inner.rollback();
              seen.sql(inner, insert(3), "SAVEPOINT s", insert(4), "ROLLBACK TO s", "RELEASE s");
              seen.sql(inner, "ROLLBACK TO s");
              inner.rollback();
              Savepoint own = inner.setSavepoint("named");
              seen.does("release", () -> inner.releaseSavepoint(own));
              seen.sql(inner, "ROLLBACK TO named");
              inner.rollback();
              seen.sql(inner, "SELECT 1; SAVEPOINT x; ROLLBACK TO s");
              inner.rollback();
              seen.sql(inner, "SELECT 1");
              inner.commit();
              seen.sql(outer, insert(5));
              seen.does("back", () -> outer.rollback(named));
              seen.sql(outer, IDS, "ROLLBACK TO s");
              seen.does("commit", outer::commit);
              seen.sql(outer, IDS);
              outer.rollback();
            }),
        on(
            "savepoints go with the one they are in",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SAVEPOINT a", "SAVEPOINT b", insert(1), "ROLLBACK TO a");
              seen.sql(c, "ROLLBACK TO b", "ROLLBACK TO a", "SAVEPOINT b", "SAVEPOINT c");
              seen.sql(c, "RELEASE b", "ROLLBACK TO c", "ROLLBACK TO a", insert(2));
              c.commit();
              seen.sql(c, IDS);
            }));
  }
}
