package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.Program.on;
import static io.sandpiper.jdbc.Program.program;

import java.sql.Connection;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.List;
import java.util.stream.Stream;

/** Transactions, savepoints and what goes wrong in them. */
final class TransactionPrograms {

  private TransactionPrograms() {}

  static List<Program> all() {
    return Stream.of(ends(), settings(), savepoints(), texts(), several())
        .flatMap(List::stream)
        .toList();
  }

  private static String insert(int id) {
    return "INSERT INTO item VALUES (%d, 'n')".formatted(id);
  }

  private static final String IDS = "SELECT id FROM item ORDER BY id";

  private static List<Program> ends() {
    return List.of(
        on(
            "commit and rollback",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, insert(1), insert(2));
              seen.does("commit", c::commit);
              seen.sql(c, insert(3));
              seen.does("rollback", c::rollback);
              seen.sql(c, IDS);
              seen.does("commit without work", c::commit);
              seen.does("again", c::commit);
              seen.does("rollback without work", c::rollback);
              seen.sql(c, insert(4));
              seen.does("autocommit commits", () -> c.setAutoCommit(true));
              seen.sql(c, IDS);
              seen.does("autocommit again", () -> c.setAutoCommit(true));
            }),
        on(
            "commit and rollback in autocommit mode",
            (c, seen) -> {
              seen.does("commit", c::commit);
              seen.does("rollback", c::rollback);
              seen.see("savepoint", c::setSavepoint);
              seen.sql(c, insert(1));
              seen.does("commit afterwards", c::commit);
            }),
        on(
            "an error in a transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, insert(1), insert(1), IDS, insert(2), "SELECT 1");
              seen.does("commit of a failed transaction", c::commit);
              seen.sql(c, IDS, insert(3), "SELECT 1/0", "SELECT 1");
              seen.does("rollback", c::rollback);
              seen.sql(c, IDS);
            }),
        on(
            "an error at the first statement of a transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SELECT nothing", "SELECT 1");
              try (var s = c.prepareStatement("SELECT 2")) {
                seen.see("prepared", s::executeQuery);
                seen.see("metadata", s::getMetaData);
              }
              seen.see("tables", () -> c.getMetaData().getTables(null, "public", "item", null));
              seen.see("savepoint", c::setSavepoint);
              seen.see("schema", c::getSchema);
              seen.does("set the schema", () -> c.setSchema("side"));
              seen.does("rollback", c::rollback);
              seen.sql(c, "SELECT 1");
              c.rollback();
            }),
        on(
            "setAutoCommit(true) in a failed transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, insert(1), "SELECT nothing");
              seen.does("autocommit", () -> c.setAutoCommit(true));
              seen.note("autocommit", c.getAutoCommit());
              seen.sql(c, IDS);
            }),
        on(
            "an autocommit statement that fails",
            (c, seen) ->
                seen.sql(c, insert(1), insert(1), insert(2), "SELECT nothing", "SELEC", IDS)),
        on(
            "a syntax error in a failed transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SELECT nothing", "SELEC");
              c.rollback();
            }),
        program(
            "closing a connection in a transaction",
            (db, seen) -> {
              Connection c = db.open();
              c.setAutoCommit(false);
              seen.sql(c, insert(1));
              seen.does("close", c::close);
              seen.sql(db.open(), IDS);
            }),
        on(
            "the fate of rows, tables and settings of a transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  "CREATE TABLE made (id int)",
                  "INSERT INTO made VALUES (1)",
                  "SET LOCAL work_mem = '5MB'",
                  "SET statement_timeout = '50s'",
                  "SHOW work_mem");
              c.rollback();
              seen.sql(c, "SELECT * FROM made");
              c.rollback();
              seen.sql(c, "SHOW statement_timeout", "SET statement_timeout = '40s'");
              c.commit();
              seen.sql(
                  c,
                  "SHOW statement_timeout",
                  "ALTER TABLE item ADD COLUMN more int",
                  "DROP VIEW item_names");
              c.commit();
              c.setAutoCommit(true);
              seen.sql(c, "SELECT * FROM item", "SELECT * FROM item_names");
            }),
        on(
            "SET LOCAL ends with the transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SET LOCAL work_mem = '5MB'", "SHOW work_mem");
              c.commit();
              seen.sql(c, "SHOW work_mem");
              c.commit();
            }),
        on(
            "two thousand autocommit statements hold no locks",
            (c, seen) -> {
              try (var s = c.prepareStatement("UPDATE item SET owner = 'x' WHERE id = ?")) {
                for (int i = 0; i < 2_000; i++) {
                  s.setInt(1, i);
                  s.executeUpdate();
                }
              }
              try (Statement s = c.createStatement();
                  var rows =
                      s.executeQuery(
                          "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()")) {
                rows.next();
                seen.note("few", rows.getInt(1) < 50);
              }
            }),
        on(
            "now() stands still in a transaction",
            (c, seen) -> {
              seen.sql(c, "CREATE TABLE times AS SELECT now() AS t");
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  "SELECT pg_sleep(0.002)",
                  "SELECT now() = (SELECT t FROM times)",
                  "SELECT clock_timestamp() > (SELECT t FROM times)");
              c.commit();
              seen.sql(c, "DROP TABLE times");
              c.commit();
            }));
  }

  private static List<Program> settings() {
    return List.of(
        on(
            "read-only transactions",
            (c, seen) -> {
              seen.does("read-only", () -> c.setReadOnly(true));
              seen.note("is", c.isReadOnly());
              c.setAutoCommit(false);
              seen.sql(c, "SELECT 1", insert(1), "SELECT 1");
              c.rollback();
              seen.sql(c, insert(2));
              c.rollback();
              seen.sql(c, "CREATE TEMPORARY TABLE t (id int)", "INSERT INTO t VALUES (1)");
              c.rollback();
              seen.does("writable", () -> c.setReadOnly(false));
              seen.sql(c, insert(3));
              c.commit();
            }),
        on(
            "a read-only connection in autocommit mode",
            (c, seen) -> {
              c.setReadOnly(true);
              seen.sql(c, "SELECT 1", insert(1), "SHOW transaction_read_only");
              c.setReadOnly(false);
              seen.sql(c, insert(2), "SHOW transaction_read_only");
            }),
        on(
            "changing modes in the middle of a transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, insert(1));
              seen.does("read-only", () -> c.setReadOnly(true));
              seen.does(
                  "isolation",
                  () -> c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE));
              seen.note("is read-only", c.isReadOnly());
              seen.see("isolation is", c::getTransactionIsolation);
              seen.sql(c, insert(2));
              c.commit();
            }),
        on(
            "isolation levels are remembered",
            (c, seen) -> {
              for (int level :
                  new int[] {
                    Connection.TRANSACTION_READ_UNCOMMITTED,
                    Connection.TRANSACTION_READ_COMMITTED,
                    Connection.TRANSACTION_REPEATABLE_READ,
                    Connection.TRANSACTION_SERIALIZABLE
                  }) {
                seen.does("set " + level, () -> c.setTransactionIsolation(level));
                seen.see("get", c::getTransactionIsolation);
                seen.sql(c, insert(level));
              }
              seen.does("none", () -> c.setTransactionIsolation(Connection.TRANSACTION_NONE));
              seen.does("nonsense", () -> c.setTransactionIsolation(77));
              seen.see("at last", c::getTransactionIsolation);
            }),
        on(
            "the isolation level that the server knows",
            (c, seen) -> {
              c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
              c.setAutoCommit(false);
              seen.sql(c, "SHOW transaction_isolation");
              c.commit();
            }),
        on(
            "SET TRANSACTION as SQL text",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SET TRANSACTION READ ONLY", insert(1));
              c.rollback();
              seen.sql(c, insert(2));
              c.commit();
              seen.sql(c, "SET LOCAL transaction_read_only = on", insert(3));
              c.rollback();
              c.setAutoCommit(true);
              seen.sql(c, insert(4));
            }),
        on(
            "SET TRANSACTION ISOLATION LEVEL as SQL text",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(
                  c, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SHOW transaction_isolation");
              c.rollback();
            }));
  }

  private static List<Program> savepoints() {
    return List.of(
        on(
            "savepoints by the API",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, insert(1));
              Savepoint named = c.setSavepoint("first");
              seen.see("name", named::getSavepointName);
              seen.see("id of a named one", named::getSavepointId);
              seen.sql(c, insert(2));
              Savepoint unnamed = c.setSavepoint();
              seen.see("name of an unnamed one", unnamed::getSavepointName);
              seen.sql(c, insert(3), insert(3), "SELECT 1");
              seen.does("rollback to", () -> c.rollback(unnamed));
              seen.sql(c, IDS);
              seen.does("rollback to it again", () -> c.rollback(unnamed));
              seen.does("rollback to the first", () -> c.rollback(named));
              seen.sql(c, IDS);
              seen.does("the inner one is gone", () -> c.rollback(unnamed));
              seen.sql(c, "SELECT 1");
              seen.does("rollback to the first again", () -> c.rollback(named));
              seen.does("release", () -> c.releaseSavepoint(named));
              seen.does("release again", () -> c.releaseSavepoint(named));
              seen.does("rollback to a released one", () -> c.rollback(named));
              seen.see("name of a released one", named::getSavepointName);
              seen.sql(c, insert(4));
              c.commit();
              seen.sql(c, IDS);
            }),
        on(
            "a savepoint first in a transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              Savepoint first = c.setSavepoint("s");
              seen.sql(c, insert(1), insert(1));
              seen.does("rollback to", () -> c.rollback(first));
              seen.sql(c, insert(2));
              c.commit();
              seen.does("after commit", () -> c.rollback(first));
              c.rollback();
              seen.sql(c, IDS);
              c.rollback();
              Savepoint second = c.setSavepoint();
              c.rollback();
              seen.does("after rollback", () -> c.rollback(second));
              seen.does("release after rollback", () -> c.releaseSavepoint(second));
              c.rollback();
              seen.sql(c, IDS);
            }),
        on(
            "savepoints of one name",
            (c, seen) -> {
              c.setAutoCommit(false);
              c.setSavepoint("s");
              seen.sql(c, insert(1));
              Savepoint again = c.setSavepoint("s");
              seen.sql(c, insert(2));
              seen.does("rollback", () -> c.rollback(again));
              seen.does("release", () -> c.releaseSavepoint(again));
              seen.sql(c, "ROLLBACK TO SAVEPOINT s", IDS);
              c.commit();
            }),
        on(
            "savepoints as SQL text",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  insert(1),
                  "SAVEPOINT a",
                  insert(2),
                  insert(2),
                  "ROLLBACK TO a",
                  IDS,
                  "SAVEPOINT b; INSERT INTO item VALUES (3, 'x'); RELEASE b",
                  "RELEASE SAVEPOINT a",
                  "ROLLBACK TO SAVEPOINT a",
                  "SELECT 1");
              c.rollback();
              seen.sql(c, IDS);
            }),
        on(
            "savepoints as SQL text first in a transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SAVEPOINT a", insert(1), "ROLLBACK TO a", insert(2), "RELEASE a");
              c.commit();
              seen.sql(c, IDS);
              c.commit();
            }),
        on(
            "savepoints as SQL text in autocommit mode",
            (c, seen) ->
                seen.sql(
                    c, "SAVEPOINT a", "ROLLBACK TO SAVEPOINT a", "RELEASE SAVEPOINT a", insert(1))),
        on(
            "unknown savepoints",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "ROLLBACK TO SAVEPOINT nowhere", "SELECT 1");
              c.rollback();
              seen.sql(c, "RELEASE SAVEPOINT nowhere");
              c.rollback();
            }),
        on(
            "many savepoints in a transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              for (int i = 0; i < 100; i++) {
                Savepoint s = c.setSavepoint("s" + i);
                seen.sql(c, insert(i));
                if (i % 3 == 0) {
                  c.rollback(s);
                } else if (i % 3 == 1) {
                  c.releaseSavepoint(s);
                }
              }
              c.commit();
            }));
  }

  private static List<Program> texts() {
    return List.of(
        on(
            "words of transaction control where they are none",
            (c, seen) ->
                seen.sql(
                    c,
                    "SELECT 'COMMIT; ROLLBACK'",
                    "/* COMMIT; */ SELECT 1 -- ; ROLLBACK",
                    "SELECT $$; COMMIT$$",
                    "SELECT $a$; BEGIN; $a$ || E'\\'; COMMIT; --'",
                    "SELECT 1 AS \"COMMIT\"; SELECT 2 AS \"a;BEGIN\"",
                    "SELECT CASE WHEN true THEN 1 END",
                    "SELECT CASE WHEN true THEN 1 END; SELECT 2",
                    "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END",
                    "SELECT f()",
                    "CREATE OR REPLACE FUNCTION g(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT"
                        + " CASE WHEN a > 0 THEN 1 ELSE 2 END; END; SELECT g(1)",
                    "CREATE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC INSERT INTO item VALUES (1, 'p');"
                        + " END",
                    "CALL p()",
                    "DO 'BEGIN PERFORM 1; END'",
                    "CREATE TABLE commit (begin int, rollback int)",
                    "SELECT begin, rollback FROM commit",
                    "PREPARE q AS SELECT 1",
                    "EXECUTE q",
                    "DEALLOCATE q")),
        on(
            "texts that begin with a comment",
            (c, seen) -> {
              seen.sql(
                  c,
                  "/* one */ INSERT INTO item VALUES (1, 'a')",
                  "-- two\nINSERT INTO item VALUES (1, 'b')",
                  "-- three\rSELECT id FROM item",
                  "/* nothing */",
                  "-- nothing",
                  "",
                  "/* a /* nested */ one */ (SELECT 1)",
                  "/* no block */ LOCK TABLE item");
              c.setAutoCommit(false);
              seen.sql(c, "/* four */ INSERT INTO item VALUES (2, 'a')", "-- s\nSAVEPOINT s");
              seen.sql(c, "/* five */ INSERT INTO item VALUES (2, 'b')", "-- s\nROLLBACK TO s");
              c.commit();
              seen.sql(c, "/* six */ SELECT nothing", "/* seven */ SELECT 1");
              c.rollback();
              seen.sql(c, "/* eight */ SET CONSTRAINTS ALL DEFERRED", "SELECT id FROM item");
              c.commit();
              seen.sql(c, "/* nine */");
              seen.sql(c, insert(3));
              c.rollback();
              seen.sql(c, "/* ten */ SAVEPOINT t", insert(4), "ROLLBACK TO t");
              c.commit();
              seen.sql(c, "SELECT id FROM item");
            }),
        on(
            "COMMIT as SQL text",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, insert(1), "COMMIT");
              c.rollback();
            }),
        on(
            "ROLLBACK as SQL text",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, insert(1), "ROLLBACK");
              c.commit();
            }),
        on(
            "BEGIN and COMMIT in one text",
            (c, seen) -> seen.sql(c, "BEGIN; INSERT INTO item VALUES (1, 'a'); COMMIT")),
        on(
            "PREPARE TRANSACTION as SQL text",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, insert(1), "PREPARE TRANSACTION 'two phases'");
              c.rollback();
            }),
        on("VACUUM", (c, seen) -> seen.sql(c, "VACUUM item", "SELECT 1")),
        on(
            "CREATE INDEX CONCURRENTLY",
            (c, seen) -> {
              seen.sql(c, "CREATE INDEX CONCURRENTLY by_name ON item (name)", "SELECT 1");
            }),
        on(
            "CREATE DATABASE",
            (c, seen) -> {
              seen.sql(
                  c,
                  "CREATE DATABASE conformance_made",
                  "DROP DATABASE IF EXISTS conformance_made");
            }),
        on(
            "what cannot run in a transaction, in a transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "VACUUM item", "SELECT 1");
              c.rollback();
            }));
  }

  private static List<Program> several() {
    return List.of(
        program(
            "two connections take turns in autocommit mode",
            (db, seen) -> {
              Connection a = db.open();
              Connection b = db.open();
              for (int i = 0; i < 40; i += 2) {
                seen.sql(a, insert(i));
                seen.sql(b, insert(i + 1), insert(i), IDS);
              }
            }),
        program(
            "a transaction beside another one that waits, as REQUIRES_NEW does",
            (db, seen) -> {
              Connection outer = db.open();
              outer.setAutoCommit(false);
              seen.sql(outer, insert(1));
              Connection inner = db.open();
              inner.setAutoCommit(false);
              seen.sql(inner, "INSERT INTO side.item VALUES (1, 'inner')");
              inner.commit();
              seen.sql(inner, "INSERT INTO side.item VALUES (2, 'inner')");
              inner.rollback();
              seen.sql(inner, "SELECT nothing");
              inner.rollback();
              inner.setAutoCommit(true);
              seen.sql(inner, "INSERT INTO side.item VALUES (3, 'alone')");
              seen.sql(inner, "INSERT INTO side.item VALUES (3, 'twice')");
              inner.close();
              seen.sql(outer, insert(2));
              outer.commit();
            }),
        program(
            "an inner transaction that rolls back inside one that rolls back",
            (db, seen) -> {
              Connection outer = db.open();
              outer.setAutoCommit(false);
              seen.sql(outer, insert(1));
              Connection inner = db.open();
              inner.setAutoCommit(false);
              seen.sql(inner, "INSERT INTO side.item VALUES (1, 'inner')");
              inner.rollback();
              seen.sql(inner, "SELECT count(*) FROM side.item");
              inner.commit();
              inner.close();
              seen.sql(outer, insert(1));
              outer.rollback();
            }),
        program(
            "an inner transaction before the first statement of the outer one",
            (db, seen) -> {
              Connection outer = db.open();
              outer.setAutoCommit(false);
              Connection inner = db.open();
              inner.setAutoCommit(false);
              seen.sql(inner, insert(1));
              inner.commit();
              inner.close();
              seen.sql(outer, IDS, insert(2));
              outer.rollback();
            }),
        program(
            "an inner transaction in a failed one",
            (db, seen) -> {
              Connection outer = db.open();
              outer.setAutoCommit(false);
              seen.sql(outer, "SELECT 1", "SELECT nothing");
              Connection inner = db.open();
              seen.sql(inner, "SELECT 1");
              inner.setAutoCommit(false);
              seen.sql(inner, "SELECT 2");
              inner.commit();
              inner.close();
              seen.sql(outer, "SELECT 3");
              outer.rollback();
            }),
        program(
            "rows that are not committed are seen by no other connection",
            (db, seen) -> {
              Connection outer = db.open();
              outer.setAutoCommit(false);
              seen.sql(outer, insert(1));
              Connection inner = db.open();
              seen.sql(inner, IDS);
              inner.close();
              outer.commit();
            }),
        program(
            "an outer rollback after an inner commit",
            (db, seen) -> {
              Connection outer = db.open();
              outer.setAutoCommit(false);
              seen.sql(outer, insert(1));
              Connection inner = db.open();
              inner.setAutoCommit(false);
              seen.sql(inner, "INSERT INTO side.item VALUES (1, 'inner')");
              inner.commit();
              inner.close();
              seen.does("rollback", outer::rollback);
            }),
        program(
            "transactions of two connections interleaved on one thread",
            (db, seen) -> {
              Connection a = db.open();
              Connection b = db.open();
              a.setAutoCommit(false);
              b.setAutoCommit(false);
              seen.sql(a, insert(1));
              seen.sql(b, "INSERT INTO side.item VALUES (1, 'b')");
              seen.sql(a, insert(2));
              seen.does("commit a", a::commit);
              seen.does("commit b", b::commit);
            }),
        program(
            "threads one after another",
            (db, seen) -> {
              for (int i = 0; i < 5; i++) {
                int id = i;
                seen.see(
                    "thread " + i,
                    () ->
                        db.fork(
                                () -> {
                                  try (Connection c = db.open()) {
                                    c.setAutoCommit(id % 2 == 0);
                                    seen.sql(c, insert(id), insert(0), IDS);
                                    if (!c.getAutoCommit()) {
                                      c.rollback();
                                    }
                                  }
                                  return id;
                                })
                            .get());
              }
            }));
  }
}
