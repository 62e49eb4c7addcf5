package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.Program.on;
import static io.sandpiper.jdbc.Program.program;

import java.sql.Connection;
import java.util.List;

/** Constraints, when they are checked and how they fail. */
final class ConstraintPrograms {

  private static final String DEFERRED = "INSERT INTO child_deferred VALUES (1, 7)";
  private static final String DEFERRABLE = "INSERT INTO child_deferrable VALUES (1, 7)";
  private static final String PARENT = "INSERT INTO parent VALUES (7)";

  private ConstraintPrograms() {}

  static List<Program> all() {
    return List.of(
        on(
            "violations of every kind",
            (c, seen) ->
                seen.sql(
                    c,
                    "INSERT INTO item VALUES (1, NULL)",
                    "INSERT INTO item VALUES (1, 'a'), (1, 'b')",
                    "INSERT INTO child_immediate VALUES (1, 7)",
                    "INSERT INTO account (name, balance) VALUES ('x', -1)",
                    "INSERT INTO account (name) VALUES (repeat('x', 50))",
                    "INSERT INTO kinds (id, a_percent) VALUES (1, 300)",
                    "INSERT INTO kinds (id, a_mood) VALUES (1, 'angry')",
                    "SELECT 'x'::int",
                    "SELECT 1::int / 0",
                    "SELECT 99999999999::int",
                    "SELECT * FROM nowhere",
                    "SELECT nothing FROM item",
                    "SELECT nofunction(1)",
                    "SELECT (",
                    "DROP TABLE parent")),
        on(
            "a deferred constraint is checked at the end of an autocommit statement",
            (c, seen) -> seen.sql(c, DEFERRED, PARENT, DEFERRED)),
        on(
            "a deferred constraint that is satisfied at commit",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, DEFERRED, PARENT);
              seen.does("commit", c::commit);
              seen.sql(c, "SELECT * FROM child_deferred");
            }),
        on(
            "a deferred constraint that is violated at commit",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "INSERT INTO item VALUES (1, 'a')", DEFERRED, "SELECT 1");
              seen.does("commit", c::commit);
              seen.sql(c, "SELECT * FROM item");
              seen.does("commit again", c::commit);
              seen.sql(c, DEFERRED);
              seen.does("autocommit", () -> c.setAutoCommit(true));
              seen.note("autocommit is", c.getAutoCommit());
            }),
        on(
            "a deferred violation that is rolled back",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, DEFERRED);
              seen.does("rollback", c::rollback);
              seen.sql(c, PARENT, "SAVEPOINT a", "INSERT INTO child_deferred VALUES (2, 8)");
              seen.sql(c, "ROLLBACK TO a");
              seen.does("commit", c::commit);
            }),
        on(
            "a deferrable constraint that is immediate",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, DEFERRABLE, "SELECT 1");
              c.rollback();
              c.setAutoCommit(true);
              seen.sql(c, DEFERRABLE);
            }),
        on(
            "SET CONSTRAINTS by the application",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SET CONSTRAINTS ALL DEFERRED", DEFERRABLE, PARENT);
              seen.does("commit", c::commit);
              seen.sql(c, "DELETE FROM parent");
              c.rollback();
              seen.sql(c, "SET CONSTRAINTS child_deferrable_parent_fkey DEFERRED");
              seen.sql(c, "INSERT INTO child_deferrable VALUES (2, 9)");
              seen.does("violated at commit", c::commit);
              seen.sql(
                  c, "INSERT INTO child_deferred VALUES (3, 9)", "SET CONSTRAINTS ALL IMMEDIATE");
              c.rollback();
              seen.sql(
                  c,
                  "SET CONSTRAINTS child_deferred_parent_fkey IMMEDIATE",
                  "INSERT INTO child_deferred VALUES (3, 9)");
              c.rollback();
              seen.sql(
                  c,
                  "INSERT INTO child_deferred VALUES (4, 7)",
                  "SET CONSTRAINTS nowhere DEFERRED");
              c.rollback();
            }),
        on(
            "SET CONSTRAINTS ends with its transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SET CONSTRAINTS ALL DEFERRED", PARENT);
              c.commit();
              seen.sql(c, "INSERT INTO child_deferrable VALUES (1, 8)");
              c.rollback();
              seen.sql(c, "SET CONSTRAINTS ALL IMMEDIATE", PARENT);
              c.rollback();
              seen.sql(c, "INSERT INTO child_deferred VALUES (1, 8)", "SELECT 1");
              c.rollback();
            }),
        on(
            "SET CONSTRAINTS first in a transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SET CONSTRAINTS ALL IMMEDIATE", DEFERRED);
              c.rollback();
            }),
        on(
            "SET CONSTRAINTS in autocommit mode",
            (c, seen) -> seen.sql(c, "SET CONSTRAINTS ALL DEFERRED", DEFERRABLE)),
        on(
            "a deferred unique constraint",
            (c, seen) -> {
              seen.sql(c, "INSERT INTO ranking VALUES (1, 1), (2, 2), (3, 3)");
              seen.sql(c, "UPDATE ranking SET place = place + 1");
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  "UPDATE ranking SET place = 3 WHERE id = 1",
                  "UPDATE ranking SET place = 2 WHERE id = 2");
              seen.does("commit", c::commit);
              seen.sql(c, "SELECT * FROM ranking ORDER BY id");
              seen.sql(
                  c,
                  "UPDATE ranking SET place = 8 WHERE id = 1",
                  "UPDATE ranking SET place = 4 WHERE id = 1",
                  "UPDATE ranking SET place = 9 WHERE id = 3");
              seen.does("exchanged", c::commit);
            }),
        on(
            "a deferred constraint trigger",
            (c, seen) -> {
              seen.sql(c, "INSERT INTO checked VALUES (1, -1)");
              c.setAutoCommit(false);
              seen.sql(c, "INSERT INTO checked VALUES (2, -2)", "SELECT count(*) FROM checked");
              seen.does("commit", c::commit);
              seen.sql(c, "INSERT INTO checked VALUES (3, 3)");
              seen.does("commit a good one", c::commit);
              seen.sql(c, "UPDATE checked SET amount = -1", "UPDATE checked SET amount = 1");
              seen.does("commit what was bad in between", c::commit);
            }),
        on(
            "a constraint made by the test itself",
            (c, seen) -> {
              seen.sql(
                  c,
                  "CREATE TABLE late (id int PRIMARY KEY, parent int REFERENCES parent DEFERRABLE"
                      + " INITIALLY DEFERRED)");
              c.setAutoCommit(false);
              seen.sql(c, "INSERT INTO late VALUES (1, 1)", "INSERT INTO parent VALUES (1)");
              seen.does("commit", c::commit);
              seen.sql(c, "INSERT INTO late VALUES (2, 2)");
              seen.does("violated", c::commit);
              seen.sql(c, "ALTER TABLE late ALTER CONSTRAINT late_parent_fkey NOT DEFERRABLE");
              c.commit();
              seen.sql(c, "INSERT INTO late VALUES (2, 2)");
              c.rollback();
            }),
        on(
            "a table made and filled in one transaction with a deferred constraint",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  "CREATE TABLE late (id int PRIMARY KEY, parent int REFERENCES parent DEFERRABLE"
                      + " INITIALLY DEFERRED)",
                  "INSERT INTO late VALUES (1, 1)",
                  "INSERT INTO parent VALUES (1)");
              seen.does("commit", c::commit);
            }),
        program(
            "deferred constraints of nested transactions",
            (db, seen) -> {
              Connection outer = db.open();
              outer.setAutoCommit(false);
              seen.sql(outer, DEFERRED);
              Connection inner = db.open();
              inner.setAutoCommit(false);
              seen.sql(inner, "INSERT INTO checked VALUES (1, -1)");
              seen.does("inner commit fails", inner::commit);
              seen.sql(inner, "INSERT INTO checked VALUES (1, 1)");
              seen.does("inner commit", inner::commit);
              inner.close();
              seen.sql(outer, PARENT);
              seen.does("outer commit", outer::commit);
            }),
        program(
            "an autocommit statement inside a transaction with a pending violation",
            (db, seen) -> {
              Connection outer = db.open();
              outer.setAutoCommit(false);
              seen.sql(outer, DEFERRED);
              try (Connection inner = db.open()) {
                seen.sql(
                    inner,
                    "INSERT INTO item VALUES (1, 'a')",
                    "INSERT INTO checked VALUES (1, -1)");
              }
              seen.sql(outer, PARENT);
              seen.does("outer commit", outer::commit);
            }),
        on(
            "a deferred violation in an autocommit batch",
            (c, seen) -> {
              try (var s = c.prepareStatement("INSERT INTO child_deferred VALUES (?, 7)")) {
                s.setInt(1, 1);
                s.addBatch();
                seen.see("batch", s::executeBatch);
              }
              seen.sql(c, "SELECT * FROM child_deferred");
            }),
        on(
            "deferred work in one text",
            (c, seen) ->
                seen.sql(
                    c,
                    "INSERT INTO child_deferred VALUES (1, 7); INSERT INTO parent VALUES (7)",
                    "INSERT INTO child_deferred VALUES (2, 8); INSERT INTO parent VALUES (9)",
                    "SELECT * FROM parent")));
  }
}
