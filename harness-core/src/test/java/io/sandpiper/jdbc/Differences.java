package io.sandpiper.jdbc;

import io.sandpiper.Isolation;
import java.util.List;
import java.util.stream.Stream;

/** Every way in which a sandbox is not like a plain connection; the guide's page says the same. */
final class Differences {

  /**
   * A program that sees something else in a sandbox.
   *
   * @param isolation which sandbox
   * @param program its name
   * @param sentence what the guide says of it, word for word
   * @param lines what the sandbox's transcript has where the plain one differs
   */
  record Difference(Isolation isolation, String program, String sentence, List<String> lines) {}

  static final List<Difference> DECLARED =
      List.of(
          in(
              "a procedure that commits",
              "fail with PostgreSQL's 2D000",
              "CALL put_and_commit(1) -> !PSQLException 2D000 0 {ERROR | invalid "
                  + "transaction termination | null | null | 0 | PL/pgSQL function "
                  + "put_and_commit(integer) line 4 at COMMIT | null | null | null | null | null}",
              "SELECT * FROM item -> rows (id int4, name text, owner text)",
              "left -> [\"11 tables\", \"0 large objects\"]"),
          in("streaming after a commit", "live on after a commit", "next -> Boolean true"),
          in(
              "a cursor ends with its transaction",
              "live on after a commit",
              "FETCH 1 FROM two -> rows (generate_series int4) [Integer 7]"),
          in(
              "SET LOCAL ends with the transaction",
              "lasts to the end of the test, also where it is sent in autocommit mode",
              "SHOW work_mem -> rows (work_mem text) [\"5MB\"]"),
          in(
              "SET LOCAL in autocommit mode",
              "lasts to the end of the test, also where it is sent in autocommit mode",
              "SET LOCAL work_mem = '8MB' -> count 0",
              "SHOW work_mem -> rows (work_mem text) [\"8MB\"]"),
          in(
              "now() stands still in a transaction",
              "the start of the sandbox, for the whole test",
              "SELECT now() = (SELECT t FROM times) -> rows (?column? bool) [Boolean true]"),
          in(
              "the isolation level that the server knows",
              "remembered and ignored; all work of the test sees its own rows at once",
              "SHOW transaction_isolation -> rows (transaction_isolation text) [\"read "
                  + "committed\"]"),
          in(
              "rows that are not committed are seen by no other connection",
              "remembered and ignored; all work of the test sees its own rows at once",
              "SELECT id FROM item ORDER BY id -> rows (id int4) [Integer 1]"),
          in(
              "SET TRANSACTION ISOLATION LEVEL as SQL text",
              "refused before it is sent",
              "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE -> !SandboxException SP003 "
                  + "naming DATABASE",
              "SHOW transaction_isolation -> !PSQLException 25P02 0 {ERROR | current "
                  + "transaction is aborted, commands ignored until end of transaction block | "
                  + "null | null | 0 | null | null | null | null | null | null}"),
          in(
              "COMMIT as SQL text",
              "refused before they are sent",
              "COMMIT -> !SandboxException SP003 naming DATABASE",
              "left -> [\"11 tables\", \"0 large objects\"]"),
          in(
              "ROLLBACK as SQL text",
              "refused before they are sent",
              "ROLLBACK -> !SandboxException SP003 naming DATABASE",
              "left -> [\"11 tables\", \"item[(1,n,)]\", \"0 large objects\"]"),
          in(
              "BEGIN and COMMIT in one text",
              "refused before they are sent",
              "BEGIN; INSERT INTO item VALUES (1, 'a'); COMMIT -> !SandboxException SP003 "
                  + "naming DATABASE",
              "left -> [\"11 tables\", \"0 large objects\"]"),
          in(
              "PREPARE TRANSACTION as SQL text",
              "refused before they are sent",
              "PREPARE TRANSACTION 'two phases' -> !SandboxException SP003 naming DATABASE"),
          in(
              "VACUUM",
              "refused before it is sent",
              "VACUUM item -> !SandboxException SP003 naming DATABASE"),
          in(
              "CREATE INDEX CONCURRENTLY",
              "refused before it is sent",
              "CREATE INDEX CONCURRENTLY by_name ON item (name) -> !SandboxException SP003 "
                  + "naming DATABASE"),
          in(
              "CREATE DATABASE",
              "refused before it is sent",
              "CREATE DATABASE conformance_made -> !SandboxException SP003 naming DATABASE",
              "DROP DATABASE IF EXISTS conformance_made -> !SandboxException SP003 naming "
                  + "DATABASE"),
          in(
              "what cannot run in a transaction, in a transaction",
              "refused before it is sent",
              "VACUUM item -> !SandboxException SP003 naming DATABASE"),
          in(
              "DISCARD",
              "refused before it is sent",
              "DISCARD PLANS -> !SandboxException SP003 naming DATABASE",
              "DISCARD ALL -> !SandboxException SP003 naming DATABASE"),
          in(
              "an outer rollback after an inner commit",
              "nests on a savepoint: where the outer transaction rolls back after the "
                  + "inner one has committed rows, the test fails and says so",
              "left -> !SandboxException SP003 naming DATABASE",
              "the test fails naming DATABASE"),
          in(
              "transactions of two connections interleaved on one thread",
              "| two connections of one thread, each inside a transaction, used in turn | "
                  + "refused |",
              "INSERT INTO item VALUES (2, 'n') -> !SandboxException SP003 naming DATABASE",
              "left -> [\"11 tables\", \"item[(1,n,)]\", \"side.item[(1,b)]\", \"0 large objects\"]"),
          in(
              "an outer commit before the inner one, with savepoints",
              "refused where its savepoints or constraints cannot be told from the inner one's",
              "outer commit -> !SandboxException SP003 naming DATABASE",
              "INSERT INTO item VALUES (3, 'c') -> !SandboxException SP003 naming DATABASE",
              "inner commit -> !SandboxException SP003 naming DATABASE",
              "ROLLBACK TO s -> !SandboxException SP003 naming DATABASE",
              "left -> !SandboxException SP003 naming DATABASE",
              "the test fails naming DATABASE"),
          in(
              "an outer commit before the inner one, of a violation",
              "refused where its savepoints or constraints cannot be told from the inner one's",
              "outer commit -> !SandboxException SP003 naming DATABASE",
              "INSERT INTO item VALUES (3, 'c') -> !SandboxException SP003 naming DATABASE",
              "inner commit -> !SandboxException SP003 naming DATABASE",
              "left -> !SandboxException SP003 naming DATABASE",
              "the test fails naming DATABASE"),
          in(
              "an inner transaction inside a read-only one with a savepoint",
              "read-only too where that one has savepoints or constraint modes of its own",
              "INSERT INTO item VALUES (1, 'a') -> !SandboxException SP003 naming DATABASE",
              "SELECT id FROM item -> rows (id int4)",
              "left -> [\"11 tables\", \"0 large objects\"]"),
          in(
              "a new value of an enum",
              "a value added to an enum cannot be used in the same test",
              "SELECT 'great'::mood::text -> !PSQLException 55P04 0 {ERROR | unsafe use of "
                  + "new value \"great\" of enum type mood | null | New enum values must be "
                  + "committed before they can be used. | 8 | null | null | null | null | null | "
                  + "null}"),
          in(
              "settings of the server that the sandbox needs for itself",
              "are the sandbox's own",
              "SHOW lock_timeout -> rows (lock_timeout text) [\"10s\"]"),
          in(
              "client info",
              "are the sandbox's own",
              "SHOW application_name -> rows (application_name text) [\"PostgreSQL JDBC "
                  + "Driver\"]"),
          in(
              "two connections with different settings",
              "hold for all connections of the test",
              "SHOW work_mem -> rows (work_mem text) [\"9MB\"]",
              "SHOW search_path -> rows (search_path text) [\"side, public\"]"),
          in(
              "temporary tables that empty or drop themselves at commit",
              "are those of all connections of the test; `ON COMMIT` never comes",
              "SELECT count(*) FROM emptied -> rows (count int8) [Long 1]",
              "SELECT count(*) FROM dropped -> rows (count int8) [Long 1]"),
          in(
              "a temporary table is that of its connection",
              "are those of all connections of the test; `ON COMMIT` never comes",
              "SELECT * FROM own -> rows (id int4)"),
          in(
              "transaction advisory locks are given back at commit",
              "held to the end of the test; a lock of another test is waited for, 10 s at "
                  + "most",
              "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = "
                  + "pg_backend_pid() -> rows (count int8) [Long 1]"),
          in(
              "LISTEN and getNotifications",
              "refused; notifications are never delivered",
              "LISTEN events -> !SandboxException SP003 naming DATABASE",
              "events -> !SandboxException SP003 naming DATABASE",
              "after rollback -> !SandboxException SP003 naming DATABASE"),
          in(
              "a sequence's current value before its first use",
              "values are not given back, and `currval` may know one of an earlier test",
              "SELECT currval('numbers') -> rows (currval int8) [Long 1]"),
          in(
              "a syntax error in a failed transaction",
              "reported as 25P02",
              "SELEC -> !PSQLException 25P02 0 {ERROR | current transaction is aborted, "
                  + "commands ignored until end of transaction block | null | null | 0 | null | "
                  + "null | null | null | null | null}"),
          in(
              "an error at the first statement of a transaction",
              "answered although the transaction has failed",
              "set the schema -> done"),
          in(
              "getters of a connection",
              "answered although the transaction has failed",
              "Connection.getTransactionIsolation -> Integer 4"),
          in(
              "SET CONSTRAINTS in autocommit mode",
              "has no effect, as ever, and no warning says so",
              "SET CONSTRAINTS ALL DEFERRED -> count 0"),
          in(
              "deferred constraints of nested transactions",
              "while what an outer transaction left to its commit is violated",
              "inner commit fails -> done",
              "INSERT INTO checked VALUES (1, 1) -> !PSQLException 23505 0 {ERROR | "
                  + "duplicate key value violates unique constraint \"checked_pkey\" | Key "
                  + "(id)=(1) already exists. | null | 0 | null | public | checked | null | null "
                  + "| checked_pkey}",
              "outer commit -> !PSQLException 23514 0 {ERROR | amount -1 of 1 is negative "
                  + "| null | null | 0 | PL/pgSQL function check_amount() line 3 at RAISE | null "
                  + "| null | null | null | null}",
              "left -> [\"11 tables\", \"0 large objects\"]"),
          in(
              "an autocommit statement inside a transaction with a pending violation",
              "while what an outer transaction left to its commit is violated",
              "INSERT INTO checked VALUES (1, -1) -> count 1",
              "outer commit -> !PSQLException 23514 0 {ERROR | amount -1 of 1 is negative "
                  + "| null | null | 0 | PL/pgSQL function check_amount() line 3 at RAISE | null "
                  + "| null | null | null | null}",
              "left -> [\"11 tables\", \"0 large objects\"]"),
          in(
              "wrappers",
              "`unwrap(PgConnection.class)`",
              "wraps PgConnection -> Boolean false",
              "is PgConnection -> !SandboxException SP003 naming DATABASE"),
          in(
              "autosave asked for by the application",
              "`PGConnection.setAutosave`",
              "the program -> !UnsupportedOperationException",
              "left -> [\"11 tables\", \"0 large objects\"]",
              "the test passes",
              "nothing"));

  private Differences() {}

  private static Difference in(String program, String sentence, String... lines) {
    return new Difference(Isolation.TRANSACTION, program, sentence, List.of(lines));
  }

  static Stream<Difference> all() {
    return DECLARED.stream();
  }

  /** What the sandbox's transcript of a program has where the plain one differs. */
  static List<String> lines(Program program, Isolation isolation) {
    return all()
        .filter(difference -> difference.isolation() == isolation)
        .filter(difference -> difference.program().equals(program.name()))
        .flatMap(difference -> difference.lines().stream())
        .toList();
  }
}
