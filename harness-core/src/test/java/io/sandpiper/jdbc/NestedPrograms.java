package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.Program.program;

import java.sql.Connection;
import java.sql.Savepoint;
import java.util.List;

/**
 * Transactions inside others, on a second connection of the same thread, as REQUIRES_NEW has them.
 */
final class NestedPrograms {

  private static final String DEFERRED = "INSERT INTO child_deferred VALUES (%d, 7)";
  private static final String DEFERRABLE = "INSERT INTO child_deferrable VALUES (%d, 7)";
  private static final String PARENT = "INSERT INTO parent VALUES (7)";

  private NestedPrograms() {}

  /** What two transactions do, of which the second is inside the first. */
  @FunctionalInterface
  private interface Two {
    void run(Connection outer, Connection inner, Transcript seen) throws Exception;
  }

  private static Program nested(String name, Two body) {
    return program(
        name,
        (db, seen) -> {
          Connection outer = db.open();
          outer.setAutoCommit(false);
          Connection inner = db.open();
          inner.setAutoCommit(false);
          body.run(outer, inner, seen);
        });
  }

  static List<Program> all() {
    return List.of(
        nested(
            "modes that an outer transaction has set, after an inner commit",
            (outer, inner, seen) -> {
              seen.sql(outer, "SET CONSTRAINTS ALL DEFERRED");
              seen.sql(inner, "INSERT INTO item VALUES (1, 'a')");
              seen.does("inner commit", inner::commit);
              seen.sql(outer, DEFERRABLE.formatted(1), PARENT);
              seen.does("outer commit", outer::commit);
            }),
        nested(
            "modes that an outer transaction has set to immediate, after an inner commit",
            (outer, inner, seen) -> {
              seen.sql(outer, "SET CONSTRAINTS ALL IMMEDIATE");
              seen.sql(inner, "SELECT 1");
              seen.does("inner commit", inner::commit);
              seen.sql(outer, DEFERRED.formatted(1), "SELECT 1");
              seen.does("outer rollback", outer::rollback);
            }),
        nested(
            "modes that an outer transaction has set, after an inner rollback",
            (outer, inner, seen) -> {
              seen.sql(outer, "SET CONSTRAINTS child_deferrable_parent_fkey DEFERRED");
              seen.sql(inner, "SET CONSTRAINTS ALL IMMEDIATE", "INSERT INTO item VALUES (1, 'a')");
              seen.does("inner rollback", inner::rollback);
              seen.sql(outer, DEFERRABLE.formatted(1), PARENT);
              seen.does("outer commit", outer::commit);
            }),
        nested(
            "modes that an outer transaction has set, inside an inner one",
            (outer, inner, seen) -> {
              seen.sql(outer, "SET CONSTRAINTS ALL DEFERRED");
              seen.sql(inner, DEFERRABLE.formatted(1), "SELECT 1");
              inner.rollback();
              seen.sql(outer, "SET CONSTRAINTS ALL IMMEDIATE");
              seen.sql(inner, DEFERRED.formatted(1), PARENT);
              seen.does("inner commit", inner::commit);
              seen.sql(outer, DEFERRED.formatted(2));
              seen.does("outer commit", outer::commit);
            }),
        nested(
            "modes that an outer transaction has set, inside an autocommit statement",
            (outer, inner, seen) -> {
              seen.sql(outer, "SET CONSTRAINTS ALL DEFERRED");
              inner.setAutoCommit(true);
              seen.sql(inner, DEFERRABLE.formatted(1), "INSERT INTO item VALUES (1, 'a')");
              seen.sql(outer, DEFERRABLE.formatted(2), PARENT);
              seen.does("outer commit", outer::commit);
              seen.sql(outer, "INSERT INTO child_deferrable VALUES (3, 9)");
              outer.rollback();
            }),
        nested(
            "modes that an inner transaction has set",
            (outer, inner, seen) -> {
              seen.sql(outer, "SELECT 1");
              seen.sql(inner, "SET CONSTRAINTS ALL DEFERRED", DEFERRABLE.formatted(1));
              seen.does("inner commit fails", inner::commit);
              seen.sql(inner, "SET CONSTRAINTS ALL IMMEDIATE", "INSERT INTO item VALUES (1, 'a')");
              seen.does("inner commit", inner::commit);
              seen.sql(outer, DEFERRED.formatted(1), PARENT);
              seen.does("outer commit", outer::commit);
              seen.sql(outer, "INSERT INTO child_deferrable VALUES (2, 9)");
              outer.rollback();
            }),
        nested(
            "modes set after a savepoint, and what is left of them",
            (outer, inner, seen) -> {
              seen.sql(
                  outer,
                  "SET CONSTRAINTS child_deferrable_parent_fkey DEFERRED",
                  "SAVEPOINT s",
                  "SET CONSTRAINTS ALL IMMEDIATE",
                  "ROLLBACK TO s");
              seen.sql(inner, "INSERT INTO item VALUES (1, 'a')");
              seen.does("inner commit", inner::commit);
              seen.sql(outer, DEFERRABLE.formatted(1), PARENT);
              seen.does("outer commit", outer::commit);
            }),
        nested(
            "going back to a savepoint from after an inner commit",
            (outer, inner, seen) -> {
              seen.sql(outer, "INSERT INTO item VALUES (1, 'a')", "SAVEPOINT s");
              seen.sql(inner, "INSERT INTO item VALUES (2, 'b')");
              seen.does("inner commit", inner::commit);
              seen.sql(outer, "SAVEPOINT s", "INSERT INTO item VALUES (3, 'c')", "ROLLBACK TO s");
              Savepoint own = outer.setSavepoint();
              seen.sql(outer, "INSERT INTO item VALUES (4, 'd')", "SELECT nothing");
              seen.does("back", () -> outer.rollback(own));
              seen.does("outer commit", outer::commit);
            }),
        nested(
            "an outer commit before the inner one",
            (outer, inner, seen) -> {
              seen.sql(outer, "INSERT INTO item VALUES (1, 'a')");
              seen.sql(inner, "INSERT INTO item VALUES (2, 'b')");
              seen.does("outer commit", outer::commit);
              seen.sql(inner, "INSERT INTO item VALUES (3, 'c')");
              seen.does("inner rollback", inner::rollback);
            }),
        nested(
            "an outer commit before the inner one, with deferred constraints",
            (outer, inner, seen) -> {
              seen.sql(outer, DEFERRED.formatted(1), PARENT);
              seen.sql(inner, "INSERT INTO item VALUES (2, 'b')");
              seen.does("outer commit", outer::commit);
              seen.sql(inner, "INSERT INTO child_deferred VALUES (3, 9)", "SELECT 1");
              seen.does("inner commit", inner::commit);
              seen.sql(inner, "INSERT INTO child_deferred VALUES (4, 7)");
              seen.does("inner commit of a good one", inner::commit);
              seen.sql(outer, "INSERT INTO child_deferred VALUES (5, 9)", "SELECT 1");
              seen.does("violated", outer::commit);
            }),
        nested(
            "an outer commit before the inner one that is rolled back, with deferred constraints",
            (outer, inner, seen) -> {
              seen.sql(outer, DEFERRED.formatted(1), PARENT);
              seen.sql(inner, "INSERT INTO item VALUES (2, 'b')");
              seen.does("outer commit", outer::commit);
              seen.sql(inner, "INSERT INTO item VALUES (3, 'c')");
              seen.does("inner rollback", inner::rollback);
              seen.sql(inner, "INSERT INTO item VALUES (4, 'd')");
              seen.does("inner commit", inner::commit);
            }),
        nested(
            "an outer commit before the inner one, with savepoints",
            (outer, inner, seen) -> {
              seen.sql(outer, "INSERT INTO item VALUES (1, 'a')", "SAVEPOINT s");
              seen.sql(inner, "INSERT INTO item VALUES (2, 'b')");
              seen.does("outer commit", outer::commit);
              seen.sql(inner, "INSERT INTO item VALUES (3, 'c')");
              seen.does("inner commit", inner::commit);
              seen.sql(outer, "ROLLBACK TO s");
              outer.rollback();
            }),
        nested(
            "an outer commit before the inner one, of a violation",
            (outer, inner, seen) -> {
              seen.sql(outer, DEFERRED.formatted(1));
              seen.sql(inner, "INSERT INTO item VALUES (2, 'b')");
              seen.does("outer commit", outer::commit);
              seen.sql(inner, "INSERT INTO item VALUES (3, 'c')");
              seen.does("inner commit", inner::commit);
            }),
        nested(
            "an inner transaction that writes inside a read-only one",
            (outer, inner, seen) -> {
              outer.setReadOnly(true);
              seen.sql(outer, "SELECT 1");
              seen.sql(inner, "INSERT INTO item VALUES (1, 'a')");
              seen.does("inner commit", inner::commit);
              seen.sql(outer, "SELECT id FROM item", "INSERT INTO item VALUES (2, 'b')");
              seen.does("outer rollback", outer::rollback);
              seen.sql(inner, "SELECT id FROM item");
              inner.rollback();
            }),
        nested(
            "an inner transaction inside a read-only one with a savepoint",
            (outer, inner, seen) -> {
              outer.setReadOnly(true);
              seen.sql(outer, "SELECT 1", "SAVEPOINT s");
              seen.sql(inner, "INSERT INTO item VALUES (1, 'a')");
              seen.does("inner commit", inner::commit);
              seen.sql(outer, "ROLLBACK TO s", "SELECT id FROM item");
              seen.does("outer commit", outer::commit);
            }),
        nested(
            "a read-only transaction that goes on after the one inside it",
            (outer, inner, seen) -> {
              seen.sql(inner, "INSERT INTO item VALUES (1, 'a')");
              inner.commit();
              outer.setReadOnly(true);
              outer.setAutoCommit(false);
              try (var s = outer.prepareStatement("SELECT id FROM generate_series(1, 5) AS id")) {
                s.setFetchSize(2);
                var rows = s.executeQuery();
                rows.next();
                inner.setAutoCommit(true);
                seen.sql(inner, "INSERT INTO item VALUES (2, 'b')");
                while (rows.next()) {
                  seen.note("row", rows.getInt(1));
                }
              }
              seen.sql(outer, "SELECT nothing");
              seen.sql(inner, "INSERT INTO item VALUES (3, 'c')");
              seen.sql(outer, "SELECT 1");
              seen.does("outer rollback", outer::rollback);
              seen.sql(outer, "INSERT INTO item VALUES (4, 'd')");
              seen.does("outer rollback again", outer::rollback);
            }),
        nested(
            "a read-only transaction inside one that writes",
            (outer, inner, seen) -> {
              seen.sql(outer, "INSERT INTO item VALUES (1, 'a')");
              inner.setReadOnly(true);
              seen.sql(inner, "SELECT 1", "INSERT INTO item VALUES (2, 'b')");
              inner.rollback();
              seen.sql(inner, "SELECT 1");
              inner.commit();
              seen.sql(outer, "INSERT INTO item VALUES (3, 'c')");
              seen.does("outer commit", outer::commit);
            }));
  }
}
