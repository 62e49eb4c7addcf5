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
              "settings of the server that the sandbox needs for itself",
              "are the sandbox's own",
              "SHOW lock_timeout -> rows (lock_timeout text) [\"10s\"]"),
          in(
              "client info",
              "are the sandbox's own",
              "SHOW application_name -> rows (application_name text) [\"PostgreSQL JDBC "
                  + "Driver\"]"),
          in(
              "temporary tables that empty or drop themselves at commit",
              "are those of all connections of the test; `ON COMMIT` never comes",
              "SELECT count(*) FROM emptied -> rows (count int8) [Long 1]",
              "SELECT count(*) FROM dropped -> rows (count int8) [Long 1]"),
          in(
              "a temporary table is that of its connection",
              "are those of all connections of the test; `ON COMMIT` never comes",
              "SELECT * FROM own -> rows (id int4)"));

  /** Differences that ought not to be; whoever removes one from the product removes it here. */
  static final List<Difference> KNOWN =
      List.of(
          known(
              Isolation.TRANSACTION,
              "parameter and result metadata of a prepared statement",
              "SELECT 1 -> !PSQLException 25P02 0 {ERROR | current transaction is aborted, "
                  + "commands ignored until end of transaction block | null | null | 0 | null | "
                  + "null | null | null | null | null}"),
          known(Isolation.DATABASE, "getters of statements", "its connection -> Boolean false"),
          known(Isolation.TRANSACTION, "holdable result sets", "statements -> Integer 2"),
          known(
              Isolation.TRANSACTION,
              "an error at the first statement of a transaction",
              "set the schema -> done"),
          known(
              Isolation.TRANSACTION,
              "a savepoint first in a transaction",
              "after commit -> done",
              "SELECT id FROM item ORDER BY id -> rows (id int4)",
              "after rollback -> !PSQLException 3B001 0 {ERROR | savepoint "
                  + "\"jdbc_savepoint_1\" does not exist | null | null | 0 | null | null | null | "
                  + "null | null | null}",
              "release after rollback -> !PSQLException 25P02 0 {ERROR | current "
                  + "transaction is aborted, commands ignored until end of transaction block | "
                  + "null | null | 0 | null | null | null | null | null | null}",
              "SELECT id FROM item ORDER BY id -> rows (id int4)",
              "left -> [\"11 tables\", \"0 large objects\"]"),
          known(
              Isolation.DATABASE,
              "a savepoint first in a transaction",
              "the program -> !IllegalStateException",
              "left -> [\"11 tables\", \"0 large objects\"]",
              "the test passes",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing"),
          known(
              Isolation.DATABASE,
              "savepoints of one name",
              "the program -> !IllegalStateException",
              "left -> [\"11 tables\", \"0 large objects\"]",
              "the test passes",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing"),
          known(
              Isolation.DATABASE,
              "many savepoints in a transaction",
              "the program -> !IllegalStateException",
              "left -> [\"11 tables\", \"0 large objects\"]",
              "the test passes",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing",
              "nothing"),
          known(
              Isolation.TRANSACTION,
              "SET CONSTRAINTS in autocommit mode",
              "SET CONSTRAINTS ALL DEFERRED -> count 0"),
          known(
              Isolation.TRANSACTION,
              "deferred constraints of nested transactions",
              "inner commit fails -> done",
              "INSERT INTO checked VALUES (1, 1) -> !PSQLException 23505 0 {ERROR | "
                  + "duplicate key value violates unique constraint \"checked_pkey\" | Key "
                  + "(id)=(1) already exists. | null | 0 | null | public | checked | null | null "
                  + "| checked_pkey}",
              "outer commit -> !PSQLException 23514 0 {ERROR | amount -1 of 1 is negative "
                  + "| null | null | 0 | PL/pgSQL function check_amount() line 3 at RAISE | null "
                  + "| null | null | null | null}",
              "left -> [\"11 tables\", \"0 large objects\"]"),
          known(
              Isolation.TRANSACTION,
              "an autocommit statement inside a transaction with a pending violation",
              "INSERT INTO checked VALUES (1, -1) -> count 1",
              "outer commit -> !PSQLException 23514 0 {ERROR | amount -1 of 1 is negative "
                  + "| null | null | 0 | PL/pgSQL function check_amount() line 3 at RAISE | null "
                  + "| null | null | null | null}",
              "left -> [\"11 tables\", \"0 large objects\"]"),
          known(
              Isolation.TRANSACTION,
              "a deferred violation in an autocommit batch",
              "batch -> !PSQLException 23503 0 {ERROR | insert or update on table "
                  + "\"child_deferred\" violates foreign key constraint "
                  + "\"child_deferred_parent_fkey\" | Key (parent)=(7) is not present in table "
                  + "\"parent\". | null | 0 | null | public | child_deferred | null | null | "
                  + "child_deferred_parent_fkey}"),
          known(
              Isolation.TRANSACTION,
              "schema and search path",
              "SHOW search_path -> rows (search_path text) [\"\"side\"\"]",
              "schema after rollback -> \"public\""),
          known(
              Isolation.TRANSACTION,
              "wrappers",
              "is PgConnection -> !SandboxException SP003 naming DATABASE",
              "is Statement -> !SandboxException SP003 naming DATABASE",
              "is String -> !SandboxException SP003 naming DATABASE"),
          known(
              Isolation.TRANSACTION,
              "autosave asked for by the application",
              "the program -> !UnsupportedOperationException",
              "left -> [\"11 tables\", \"0 large objects\"]",
              "the test passes",
              "nothing",
              "nothing",
              "nothing",
              "nothing"),
          known(
              Isolation.TRANSACTION,
              "getters of a connection",
              "Connection.getTransactionIsolation -> Integer 4"),
          known(Isolation.DATABASE, "network timeout", "after a statement -> Integer 0"),
          known(
              Isolation.DATABASE,
              "equality and text of JDBC objects",
              "connection -> Boolean false",
              "same -> Boolean false",
              "of metadata -> Boolean false"),
          known(
              Isolation.TRANSACTION,
              "tables, columns, keys, indexes, functions of the database",
              "statement of rows -> a Statement",
              "statement of rows -> a Statement"),
          known(
              Isolation.DATABASE,
              "tables, columns, keys, indexes, functions of the database",
              "statement of rows -> null",
              "statement of rows -> null"),
          known(
              Isolation.DATABASE,
              "a closed connection",
              "execute -> !PSQLException 55000 0",
              "metadata -> rows (TABLE_CAT name, TABLE_SCHEM name, TABLE_NAME name, "
                  + "TABLE_TYPE text, REMARKS text, TYPE_CAT text, TYPE_SCHEM text, TYPE_NAME "
                  + "text, SELF_REFERENCING_COL_NAME text, REF_GENERATION text) [\"<database>\", "
                  + "\"public\", \"item\", \"TABLE\", null, \"\", \"\", \"\", \"\", \"\"] [\"<database>\", \"side\", "
                  + "\"item\", \"TABLE\", null, \"\", \"\", \"\", \"\", \"\"]"));

  private Differences() {}

  private static Difference in(String program, String sentence, String... lines) {
    return new Difference(Isolation.TRANSACTION, program, sentence, List.of(lines));
  }

  private static Difference known(Isolation isolation, String program, String... lines) {
    return new Difference(isolation, program, "", List.of(lines));
  }

  static Stream<Difference> all() {
    return Stream.concat(DECLARED.stream(), KNOWN.stream());
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
