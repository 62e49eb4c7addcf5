package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.Program.on;

import java.sql.CallableStatement;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.sql.Types;
import java.util.List;
import java.util.stream.Stream;

/** Statements in all forms of execution, their results, batches and generated keys. */
final class StatementPrograms {

  private static final String ITEM = "INSERT INTO item VALUES (?, ?)";
  private static final String ACCOUNT = "INSERT INTO account (name, balance) VALUES (?, ?)";

  private StatementPrograms() {}

  static List<Program> all() {
    return Stream.of(executions(), results(), batches(), keys(), calls())
        .flatMap(List::stream)
        .toList();
  }

  private static List<Program> executions() {
    return List.of(
        on(
            "executing SQL text in all forms",
            (c, seen) -> {
              try (Statement s = c.createStatement()) {
                seen.see("execute", () -> s.execute("INSERT INTO item VALUES (1, 'a')"));
                seen.see("count", s::getUpdateCount);
                seen.see("large count", s::getLargeUpdateCount);
                seen.see("result set", s::getResultSet);
                seen.see("more", s::getMoreResults);
                seen.see("count after the last", s::getUpdateCount);
                seen.see(
                    "update", () -> s.executeUpdate("INSERT INTO item VALUES (2, 'b'), (3, 'c')"));
                seen.see("large", () -> s.executeLargeUpdate("UPDATE item SET owner = 'me'"));
                seen.see("query", () -> s.executeQuery("SELECT * FROM item ORDER BY id"));
                seen.see("a query as update", () -> s.executeUpdate("SELECT 1"));
                seen.see("an update as query", () -> s.executeQuery("DELETE FROM item"));
                seen.see("nothing", () -> s.execute(""));
                seen.see("a semicolon", () -> s.execute(";"));
                seen.see("a comment", () -> s.execute("-- nothing"));
                seen.see("DDL", () -> s.executeUpdate("CREATE TABLE made (id int)"));
                seen.see(
                    "select into", () -> s.executeUpdate("CREATE TABLE as_is AS SELECT 1 AS a"));
              }
            }),
        on(
            "executing prepared statements in all forms",
            (c, seen) -> {
              try (PreparedStatement s = c.prepareStatement(ITEM);
                  PreparedStatement q =
                      c.prepareStatement("SELECT * FROM item WHERE id > ? ORDER BY id")) {
                for (int i = 1; i <= 3; i++) {
                  s.setInt(1, i);
                  s.setString(2, "name " + i);
                  switch (i) {
                    case 1 -> seen.see("execute", s::execute);
                    case 2 -> seen.see("update", s::executeUpdate);
                    default -> seen.see("large", s::executeLargeUpdate);
                  }
                }
                seen.see("count", s::getUpdateCount);
                q.setInt(1, 1);
                seen.see("query", q::executeQuery);
                seen.see("execute a query", q::execute);
                seen.see("its rows", q::getResultSet);
                seen.see("an update as query", s::executeQuery);
                seen.see("text on a prepared one", () -> q.executeQuery("SELECT 1"));
                seen.see("update text on a prepared one", () -> q.executeUpdate("SELECT 1"));
                q.clearParameters();
                seen.see("without its parameter", q::executeQuery);
                seen.see(
                    "a parameter too many",
                    () -> {
                      q.setInt(2, 1);
                      return "set";
                    });
              }
            }),
        on(
            "a statement is prepared on the server after five executions",
            (c, seen) -> {
              try (PreparedStatement s = c.prepareStatement("SELECT ?::int + 1 AS next")) {
                for (int i = 0; i < 12; i++) {
                  s.setInt(1, i);
                  seen.see("run " + i, s::executeQuery);
                }
              }
              seen.sql(
                  c,
                  "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%AS next%'");
            }),
        on(
            "a statement prepared on the server survives a change of its table",
            (c, seen) -> {
              seen.sql(c, "INSERT INTO item VALUES (1, 'a')");
              try (PreparedStatement s = c.prepareStatement("SELECT * FROM item WHERE id = ?")) {
                for (int i = 0; i < 8; i++) {
                  s.setInt(1, 1);
                  seen.see("before " + i, s::executeQuery);
                }
                seen.sql(c, "ALTER TABLE item ADD COLUMN more int DEFAULT 7");
                for (int i = 0; i < 3; i++) {
                  seen.see("after " + i, s::executeQuery);
                }
                c.setAutoCommit(false);
                seen.see("in a transaction", s::executeQuery);
                c.commit();
                seen.sql(c, "ALTER TABLE item ADD COLUMN most int DEFAULT 8");
                seen.see("after a change in the same transaction", s::executeQuery);
                c.rollback();
                c.setAutoCommit(true);
                seen.see("at last", s::executeQuery);
              }
            }),
        on(
            "parameter and result metadata of a prepared statement",
            (c, seen) -> {
              try (PreparedStatement s =
                  c.prepareStatement(
                      "SELECT id, name, ?::numeric AS n FROM item WHERE id = ? AND name = ?")) {
                var parameters = s.getParameterMetaData();
                seen.note("parameters", parameters.getParameterCount());
                for (int i = 1; i <= 3; i++) {
                  int at = i;
                  seen.see("class " + i, () -> parameters.getParameterClassName(at));
                  seen.see("mode " + i, () -> parameters.getParameterMode(at));
                  seen.see("type " + i, () -> parameters.getParameterType(at));
                  seen.see("name " + i, () -> parameters.getParameterTypeName(at));
                  seen.see("precision " + i, () -> parameters.getPrecision(at));
                  seen.see("scale " + i, () -> parameters.getScale(at));
                  seen.see("nullable " + i, () -> parameters.isNullable(at));
                  seen.see("signed " + i, () -> parameters.isSigned(at));
                }
                seen.columns(s.getMetaData());
              }
              try (PreparedStatement s = c.prepareStatement("DELETE FROM item")) {
                seen.see("no metadata", s::getMetaData);
              }
              try (PreparedStatement s = c.prepareStatement("SELECT * FROM nowhere")) {
                seen.see("parameters of a wrong statement", s::getParameterMetaData);
                seen.see("metadata of a wrong statement", s::getMetaData);
              }
              seen.sql(c, "SELECT 1");
              c.setAutoCommit(false);
              try (PreparedStatement s = c.prepareStatement("SELECT * FROM nowhere")) {
                seen.see("in a transaction", s::getMetaData);
              }
              seen.sql(c, "SELECT 1");
              c.rollback();
            }),
        on(
            "getters of statements",
            (c, seen) -> {
              try (Statement s = c.createStatement()) {
                seen.getters(
                    Statement.class, s, "getMoreResults", "executeBatch", "executeLargeBatch");
                seen.note("its connection", s.getConnection() == c);
                s.setFetchSize(7);
                s.setMaxRows(3);
                seen.does("large max rows", () -> s.setLargeMaxRows(4));
                s.setMaxFieldSize(100);
                s.setQueryTimeout(5);
                s.setFetchDirection(ResultSet.FETCH_REVERSE);
                s.setPoolable(true);
                s.setEscapeProcessing(false);
                s.closeOnCompletion();
                seen.see(
                    "negative fetch size",
                    () -> {
                      s.setFetchSize(-1);
                      return "set";
                    });
                seen.see(
                    "negative timeout",
                    () -> {
                      s.setQueryTimeout(-1);
                      return "set";
                    });
                seen.getters(
                    Statement.class, s, "getMoreResults", "executeBatch", "executeLargeBatch");
                seen.see("rows, at most", () -> s.executeQuery("SELECT generate_series(1, 9)"));
                seen.note("closed on completion", s.isClosed());
              }
              try (PreparedStatement s =
                  c.prepareStatement(
                      "SELECT 1",
                      ResultSet.TYPE_SCROLL_INSENSITIVE,
                      ResultSet.CONCUR_UPDATABLE,
                      ResultSet.HOLD_CURSORS_OVER_COMMIT)) {
                seen.note("type", s.getResultSetType());
                seen.note("concurrency", s.getResultSetConcurrency());
                seen.note("holdability", s.getResultSetHoldability());
                seen.note("text", s.toString());
                s.setFetchSize(3);
                seen.see("rows", s::executeQuery);
                seen.note("fetch size afterwards", s.getFetchSize());
                seen.see("result set", () -> s.executeQuery().getFetchSize());
                seen.note("poolable", s.isPoolable());
              }
            }),
        on(
            "texts of prepared statements",
            (c, seen) -> {
              try (PreparedStatement s = c.prepareStatement("SELECT ?, ?")) {
                seen.note("without parameters", s.toString());
                s.setInt(1, 3);
                s.setString(2, "it's");
                seen.note("with parameters", s.toString());
              }
              try (Statement s = c.createStatement()) {
                seen.see("literal", () -> s.enquoteLiteral("it's"));
                seen.see("identifier", () -> s.enquoteIdentifier("a b", false));
                seen.see("simple", () -> s.isSimpleIdentifier("a b"));
                seen.see("N literal", () -> s.enquoteNCharLiteral("x"));
              }
              seen.see("native", () -> c.nativeSQL("SELECT {fn length('x')}, {d '2020-01-01'}"));
              seen.sql(
                  c, "SELECT {fn concat('a', 'b')}, {d '2020-01-01'}, {ts '2020-01-01 10:00:00'}");
            }));
  }

  private static List<Program> results() {
    return List.of(
        on(
            "several results of one text",
            (c, seen) -> {
              seen.sql(
                  c,
                  "INSERT INTO item VALUES (1, 'a'); SELECT * FROM item; UPDATE item SET owner = 'x';"
                      + " SELECT 1 AS one; DELETE FROM item",
                  "SELECT 1; SELECT nothing; SELECT 2",
                  "INSERT INTO item VALUES (5, 'e'); INSERT INTO item VALUES (5, 'again')",
                  "SELECT count(*) FROM item");
            }),
        on(
            "modes of getMoreResults",
            (c, seen) -> {
              try (Statement s = c.createStatement()) {
                seen.see("execute", () -> s.execute("SELECT 1; SELECT 2; SELECT 3"));
                ResultSet first = s.getResultSet();
                seen.see("keep", () -> s.getMoreResults(Statement.KEEP_CURRENT_RESULT));
                ResultSet second = s.getResultSet();
                seen.note("first is closed", first.isClosed());
                seen.see("close", () -> s.getMoreResults(Statement.CLOSE_CURRENT_RESULT));
                seen.note("second is closed", second.isClosed());
                seen.see("close all", () -> s.getMoreResults(Statement.CLOSE_ALL_RESULTS));
                seen.note("first is closed at last", first.isClosed());
                seen.see("none left", s::getMoreResults);
                seen.see("nonsense", () -> s.getMoreResults(17));
              }
            }),
        on(
            "RETURNING",
            (c, seen) -> {
              seen.sql(
                  c,
                  "INSERT INTO account (name, balance) VALUES ('a', 1), ('b', 2) RETURNING id, name",
                  "UPDATE account SET balance = balance + 1 RETURNING *",
                  "DELETE FROM account WHERE name = 'a' RETURNING balance",
                  "WITH gone AS (DELETE FROM account RETURNING *) SELECT count(*) FROM gone");
              try (PreparedStatement s = c.prepareStatement(ACCOUNT + " RETURNING id")) {
                s.setString(1, "c");
                s.setInt(2, 5);
                seen.see("query", s::executeQuery);
                s.setString(1, "d");
                seen.see("as an update", s::executeUpdate);
                s.setString(1, "e");
                seen.see("as execute", s::execute);
                seen.see("its rows", s::getResultSet);
              }
            }),
        on(
            "MERGE, upsert, TRUNCATE, EXPLAIN and friends",
            (c, seen) ->
                seen.sql(
                    c,
                    "INSERT INTO item VALUES (1, 'a') ON CONFLICT (id) DO NOTHING",
                    "INSERT INTO item VALUES (1, 'b') ON CONFLICT (id) DO NOTHING",
                    "INSERT INTO item VALUES (1, 'b') ON CONFLICT (id) DO UPDATE SET name = 'c'"
                        + " RETURNING name",
                    "MERGE INTO item USING (VALUES (1), (2)) v(id) ON item.id = v.id WHEN MATCHED THEN"
                        + " UPDATE SET owner = 'm' WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'new')",
                    "TRUNCATE item",
                    "EXPLAIN (COSTS OFF) SELECT * FROM item",
                    "VALUES (1, 'x'), (2, 'y')",
                    "TABLE item",
                    "SHOW standard_conforming_strings",
                    "(SELECT 1)",
                    "LOCK TABLE item IN SHARE MODE",
                    "ANALYZE item",
                    "COMMENT ON TABLE item IS 'items'",
                    "SELECT obj_description('item'::regclass)")));
  }

  static List<Program> batches() {
    return List.of(
        on(
            "a batch of texts",
            (c, seen) -> {
              try (Statement s = c.createStatement()) {
                s.addBatch("INSERT INTO item VALUES (1, 'a'), (2, 'b')");
                s.addBatch("UPDATE item SET owner = 'x'");
                s.addBatch("CREATE TABLE made (id int)");
                s.addBatch("DELETE FROM item WHERE id = 9");
                seen.see("batch", s::executeBatch);
                seen.see("empty now", s::executeBatch);
                s.addBatch("DELETE FROM item");
                s.clearBatch();
                seen.see("cleared", s::executeBatch);
                s.addBatch("DELETE FROM item");
                seen.see("large", s::executeLargeBatch);
                s.addBatch("SELECT 1");
                seen.see("with a query", s::executeBatch);
              }
            }),
        on(
            "a prepared batch",
            (c, seen) -> {
              try (PreparedStatement s = c.prepareStatement(ITEM)) {
                for (int i = 0; i < 300; i++) {
                  s.setInt(1, i);
                  s.setString(2, "n" + i);
                  s.addBatch();
                }
                seen.see("batch", s::executeBatch);
                seen.see("empty now", s::executeBatch);
                seen.see("large and empty", s::executeLargeBatch);
              }
            }),
        on(
            "a prepared batch that fails in a transaction",
            (c, seen) -> {
              seen.sql(c, "INSERT INTO item VALUES (3, 'there')");
              c.setAutoCommit(false);
              seen.see("batch", () -> batch(c, 1, 2, 3, 4));
              seen.sql(c, "SELECT 1");
              c.rollback();
              seen.sql(c, "SELECT * FROM item");
              seen.see("batch after a statement", () -> batch(c, 5, 3, 6));
              c.commit();
              seen.sql(c, "SELECT * FROM item");
              c.rollback();
            }),
        on(
            "batches in a transaction that has failed",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SELECT nothing");
              try (PreparedStatement s = c.prepareStatement(ITEM)) {
                s.setInt(1, 1);
                s.setString(2, "a");
                s.addBatch();
                seen.see("batch", s::executeBatch);
                c.rollback();
                s.setInt(1, 2);
                s.addBatch();
                seen.does("next batch", s::executeBatch);
              }
              c.commit();
            }),
        on(
            "an autocommit batch that fails at its first element",
            (c, seen) -> {
              seen.sql(c, "INSERT INTO item VALUES (1, 'there')");
              seen.see("batch", () -> batch(c, 1, 2, 3));
              seen.sql(c, "SELECT * FROM item ORDER BY id");
              seen.see("next batch", () -> batch(c, 4, 5));
            }),
        on(
            "an autocommit batch that fails later leaves a part or nothing",
            (c, seen) -> {
              try (Statement s = c.createStatement()) {
                s.addBatch("INSERT INTO item VALUES (1, 'a')");
                s.addBatch("INSERT INTO item VALUES (2, 'b')");
                s.addBatch("INSERT INTO item VALUES (1, 'again')");
                s.addBatch("INSERT INTO item VALUES (4, 'd')");
                seen.see("batch", s::executeBatch);
              }
              seen.sql(c, "SELECT id FROM item ORDER BY id");
            }),
        on(
            "a batch that asks for keys",
            (c, seen) -> {
              try (PreparedStatement s =
                  c.prepareStatement(ACCOUNT, Statement.RETURN_GENERATED_KEYS)) {
                for (String name : List.of("a", "b", "c")) {
                  s.setString(1, name);
                  s.setInt(2, 1);
                  s.addBatch();
                }
                seen.see("batch", s::executeBatch);
                seen.see("keys", s::getGeneratedKeys);
              }
            }),
        on(
            "a batch with a wrong element",
            (c, seen) -> {
              try (PreparedStatement s = c.prepareStatement(ITEM)) {
                s.setInt(1, 1);
                seen.does("incomplete", s::addBatch);
                s.setString(2, "a");
                s.addBatch();
                seen.see("batch", s::executeBatch);
              }
              try (Statement s = c.createStatement()) {
                s.addBatch("SELEC 1");
                seen.see("syntax", s::executeBatch);
              }
            }));
  }

  private static Object batch(Connection c, int... ids) throws Exception {
    try (PreparedStatement s = c.prepareStatement(ITEM)) {
      for (int id : ids) {
        s.setInt(1, id);
        s.setString(2, "batched");
        s.addBatch();
      }
      return s.executeBatch();
    }
  }

  private static List<Program> keys() {
    return List.of(
        on(
            "generated keys of SQL texts",
            (c, seen) -> {
              String insert = "INSERT INTO account (name) VALUES ('%s')";
              try (Statement s = c.createStatement()) {
                seen.see(
                    "by flag",
                    () -> s.executeUpdate(insert.formatted("a"), Statement.RETURN_GENERATED_KEYS));
                seen.see("keys", s::getGeneratedKeys);
                seen.see(
                    "by name",
                    () -> s.execute(insert.formatted("b"), new String[] {"id", "balance"}));
                seen.see("keys by name", s::getGeneratedKeys);
                seen.see("by index", () -> s.executeUpdate(insert.formatted("c"), new int[] {1}));
                seen.see(
                    "large",
                    () -> s.executeLargeUpdate(insert.formatted("d"), new String[] {"id"}));
                seen.see("keys of the large", s::getGeneratedKeys);
                seen.see(
                    "none",
                    () -> s.executeUpdate(insert.formatted("e"), Statement.NO_GENERATED_KEYS));
                seen.see("no keys", s::getGeneratedKeys);
                seen.see(
                    "wrong name",
                    () -> s.executeUpdate(insert.formatted("f"), new String[] {"nowhere"}));
                seen.see(
                    "several rows",
                    () ->
                        s.executeUpdate(
                            "INSERT INTO account (name) VALUES ('g'), ('h')",
                            Statement.RETURN_GENERATED_KEYS));
                ResultSet keys = s.getGeneratedKeys();
                seen.note("statement of the keys", keys.getStatement() == s);
                seen.note("keys", keys);
              }
            }),
        on(
            "generated keys of prepared statements",
            (c, seen) -> {
              try (PreparedStatement s =
                      c.prepareStatement(ACCOUNT, Statement.RETURN_GENERATED_KEYS);
                  PreparedStatement t = c.prepareStatement(ACCOUNT, new String[] {"id"})) {
                s.setString(1, "a");
                s.setInt(2, 1);
                seen.see("update", s::executeUpdate);
                seen.see("keys", s::getGeneratedKeys);
                seen.see("the same again", s::executeUpdate);
                seen.see("keys after a failure", s::getGeneratedKeys);
                t.setString(1, "b");
                t.setInt(2, 1);
                seen.see("execute", t::execute);
                seen.see("keys by name", t::getGeneratedKeys);
              }
              seen.see("by index", () -> c.prepareStatement(ACCOUNT, new int[] {1}));
              seen.sql(c, "SELECT lastval()", "SELECT currval('account_id_seq')");
            }));
  }

  private static List<Program> calls() {
    return List.of(
        on(
            "functions called with a return value",
            (c, seen) -> {
              try (CallableStatement s = c.prepareCall("{? = call add(?, ?)}")) {
                s.registerOutParameter(1, Types.INTEGER);
                s.setInt(2, 3);
                s.setInt(3, 4);
                seen.see("execute", s::execute);
                seen.see("int", () -> s.getInt(1));
                seen.see("object", () -> s.getObject(1));
                seen.see("null", s::wasNull);
                seen.see("executeUpdate", s::executeUpdate);
                s.setNull(3, Types.INTEGER);
                s.execute();
                seen.see("of null", () -> s.getInt(1));
                seen.see("was null", s::wasNull);
                seen.see("no such", () -> s.getInt(9));
              }
              try (CallableStatement s = c.prepareCall("{call parts(?, ?, ?)}")) {
                s.setInt(1, 5);
                s.registerOutParameter(2, Types.INTEGER);
                s.registerOutParameter(3, Types.BIGINT);
                seen.see("with out parameters", s::execute);
                seen.see("first", () -> s.getInt(2));
                seen.see("second", () -> s.getLong(3));
              }
              try (CallableStatement s = c.prepareCall("{? = call add(?, ?)}")) {
                seen.see("not registered", s::execute);
              }
              try (CallableStatement s = c.prepareCall("{? = call fail(?)}")) {
                s.registerOutParameter(1, Types.INTEGER);
                s.setString(2, "P0007");
                seen.see("failing", s::execute);
              }
              seen.sql(c, "SELECT add_atomic(1, 2)", "SELECT * FROM parts(3)", "SELECT names()");
            }),
        on(
            "procedures",
            (c, seen) -> {
              try (CallableStatement s = c.prepareCall("call put(?, ?)")) {
                s.setInt(1, 1);
                s.setString(2, "word");
                s.registerOutParameter(2, Types.VARCHAR);
                seen.see("execute", s::execute);
                seen.see("out", () -> s.getString(2));
                seen.see("again", s::execute);
              }
              seen.sql(c, "CALL put(2, 'text')", "SELECT * FROM item ORDER BY id");
              c.setAutoCommit(false);
              seen.sql(c, "CALL put(3, 'inside')");
              c.rollback();
            }),
        on(
            "a procedure that commits",
            (c, seen) -> seen.sql(c, "CALL put_and_commit(1)", "SELECT * FROM item")),
        on(
            "a procedure that commits in a transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SELECT 1", "CALL put_and_commit(1)");
              c.rollback();
            }),
        on(
            "a function that returns a cursor",
            (c, seen) -> {
              seen.sql(c, "INSERT INTO item VALUES (1, 'a'), (2, 'b'), (3, 'c')");
              c.setAutoCommit(false);
              try (CallableStatement s = c.prepareCall("{? = call cursor_on_items()}")) {
                s.registerOutParameter(1, Types.OTHER);
                seen.see("execute", s::execute);
                seen.see("rows", () -> s.getObject(1));
              }
              c.commit();
              try (CallableStatement s = c.prepareCall("{? = call cursor_on_items()}")) {
                s.registerOutParameter(1, Types.REF_CURSOR);
                seen.see("as REF_CURSOR", s::execute);
                seen.see("its rows", () -> s.getObject(1, ResultSet.class));
              }
              c.commit();
              seen.sql(c, "SELECT cursor_on_items()");
              c.commit();
            }),
        on(
            "DO blocks and exceptions caught on the server",
            (c, seen) ->
                seen.sql(
                    c,
                    "DO $$ BEGIN INSERT INTO item VALUES (1, 'do'); END $$",
                    "DO $body$ BEGIN RAISE EXCEPTION 'no'; END $body$",
                    "SELECT insert_or_not(1)",
                    "SELECT insert_or_not(2)",
                    "SELECT fail('22012')",
                    "SELECT fail('40001')",
                    "SELECT fail('40P01')",
                    "SELECT * FROM item ORDER BY id")),
        on(
            "warnings and notices",
            (c, seen) -> {
              try (Statement s = c.createStatement()) {
                seen.see("talk", () -> s.executeQuery("SELECT talk(2)"));
                seen.see("warnings", s::getWarnings);
                s.clearWarnings();
                seen.see("cleared", s::getWarnings);
                seen.see("talk again", () -> s.execute("SELECT talk(1)"));
                seen.see("its warnings", s::getWarnings);
                seen.see("quiet", () -> s.execute("SELECT 1"));
                seen.see("gone", s::getWarnings);
                seen.see("dropping nothing", () -> s.execute("DROP TABLE IF EXISTS nowhere"));
                seen.see("says so", s::getWarnings);
                seen.see("of the connection", c::getWarnings);
              }
              try (PreparedStatement s =
                  c.prepareStatement("INSERT INTO counted (name) VALUES (?)")) {
                s.setString(1, "x");
                seen.see("insert", s::executeUpdate);
                seen.see("trigger's notice", s::getWarnings);
                s.addBatch();
                s.addBatch();
                seen.see("batch", s::executeBatch);
                seen.see("notices of the batch", s::getWarnings);
              }
              seen.see(
                  "warnings of rows",
                  () -> c.createStatement().executeQuery("SELECT 1").getWarnings());
            }));
  }
}
