package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.Program.on;
import static io.sandpiper.jdbc.Program.program;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.List;

/** Result sets: streaming, scrolling, updating, holding, and what they say of themselves. */
final class ResultSetPrograms {

  private static final String NUMBERS = "SELECT n FROM generate_series(1, 25) n";

  private ResultSetPrograms() {}

  private static void items(Connection c, int count) throws Exception {
    try (PreparedStatement s =
        c.prepareStatement("INSERT INTO item SELECT n, 'n' || n FROM generate_series(1, ?) n")) {
      s.setInt(1, count);
      s.executeUpdate();
    }
  }

  /** Rows of which the first has been read and the next have to be fetched. */
  private static void streaming(Connection c, Rows use) throws Exception {
    c.setAutoCommit(false);
    try (Statement s = c.createStatement()) {
      s.setFetchSize(1);
      ResultSet rows = s.executeQuery("SELECT id FROM item ORDER BY id");
      rows.next();
      use.with(rows);
    }
    c.rollback();
  }

  /** Something done with rows. */
  @FunctionalInterface
  private interface Rows {
    void with(ResultSet rows) throws Exception;
  }

  static List<Program> all() {
    return List.of(
        on(
            "objects of user-defined types by every way to rows",
            (c, seen) -> {
              String insert = "INSERT INTO kinds (id, a_mood, a_pair) VALUES (?, 'ok', '(1,b)')";
              String[] keys = {"id", "a_mood", "a_pair"};
              try (var s = c.prepareStatement(insert, keys)) {
                s.setInt(1, 1);
                s.executeUpdate();
                objects(s.getGeneratedKeys(), seen);
                for (int id : new int[] {2, 3}) {
                  s.setInt(1, id);
                  s.addBatch();
                }
                s.executeBatch();
                objects(s.getGeneratedKeys(), seen);
              }
              try (var s = c.createStatement()) {
                s.executeUpdate(insert.replace("?", "4"), keys);
                objects(s.getGeneratedKeys(), seen);
                s.execute(insert.replace("?", "5"), java.sql.Statement.RETURN_GENERATED_KEYS);
                seen.see("keys", () -> s.getGeneratedKeys().next());
                seen.see("no keys", () -> c.createStatement().getGeneratedKeys().next());
                s.execute(
                    "SELECT a_mood FROM kinds WHERE id = 1; SELECT a_pair, a_mood FROM kinds WHERE id"
                        + " < 3");
                objects(s.getResultSet(), seen);
                seen.see("more", s::getMoreResults);
                objects(s.getResultSet(), seen);
                seen.see("no more", s::getMoreResults);
                seen.see("nothing", s::getResultSet);
              }
            }),
        on(
            "metadata of a result set",
            (c, seen) -> {
              items(c, 1);
              try (Statement s = c.createStatement();
                  ResultSet rows =
                      s.executeQuery(
                          "SELECT i.id AS key, i.name, a.balance, a.id, count(*) AS n, 'x' || i.owner,"
                              + " l.label FROM item i LEFT JOIN account a ON true LEFT JOIN side.item"
                              + " l ON true GROUP BY 1, 2, 3, 4, 6, 7")) {
                seen.columns(rows.getMetaData());
                seen.see("find", () -> rows.findColumn("balance"));
                seen.see("find nothing", () -> rows.findColumn("nowhere"));
                seen.see("statement", () -> rows.getStatement() == s);
              }
            }),
        on(
            "getters of a result set as it moves",
            (c, seen) -> {
              try (Statement s =
                      c.createStatement(
                          ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY);
                  ResultSet rows = s.executeQuery(NUMBERS)) {
                String[] moves = {
                  "next",
                  "previous",
                  "first",
                  "last",
                  "beforeFirst",
                  "afterLast",
                  "moveToInsertRow",
                  "moveToCurrentRow",
                  "close"
                };
                seen.getters(ResultSet.class, rows, moves);
                seen.see("absolute", () -> rows.absolute(-3));
                seen.see("relative", () -> rows.relative(2));
                seen.see("value", () -> rows.getInt("n"));
                seen.see("last", rows::last);
                seen.getters(ResultSet.class, rows, moves);
                seen.see("beyond", rows::next);
                seen.see("value beyond", () -> rows.getInt(1));
                seen.see("first", rows::first);
                seen.see("before", rows::previous);
                seen.see(
                    "reverse",
                    () -> {
                      rows.setFetchDirection(ResultSet.FETCH_REVERSE);
                      return rows.next();
                    });
                seen.see("wrong column", () -> rows.getInt(2));
                seen.see("wrong type", () -> rows.getDate(1));
                rows.close();
                seen.note("closed", rows.isClosed());
                seen.see("type", rows::getType);
                seen.see("columns", rows::getMetaData);
                seen.see("value of closed", () -> rows.getInt(1));
              }
              try (Statement s = c.createStatement();
                  ResultSet rows = s.executeQuery(NUMBERS)) {
                seen.see("forward only", rows::previous);
                seen.see("not on a row", () -> rows.getInt(1));
              }
            }),
        on(
            "streaming in a transaction",
            (c, seen) -> {
              items(c, 50);
              c.setAutoCommit(false);
              try (Statement s = c.createStatement()) {
                s.setFetchSize(4);
                try (ResultSet rows = s.executeQuery("SELECT id FROM item ORDER BY id")) {
                  for (int i = 0; i < 10; i++) {
                    rows.next();
                    seen.note("row", rows.getInt(1));
                    seen.note("number", rows.getRow());
                  }
                  seen.sql(
                      c, "UPDATE item SET name = 'seen' WHERE id < 3", "SELECT count(*) FROM item");
                  rows.setFetchSize(11);
                  seen.note("fetch size", rows.getFetchSize());
                  seen.note("cursor", rows.isAfterLast());
                  int rest = 0;
                  while (rows.next()) {
                    rest++;
                  }
                  seen.note("rest", rest);
                  seen.note("after last", rows.isAfterLast());
                }
              }
              c.commit();
            }),
        on(
            "streaming first in a transaction, with a savepoint, an error and a rollback to it",
            (c, seen) -> {
              items(c, 50);
              c.setAutoCommit(false);
              try (Statement s = c.createStatement()) {
                s.setFetchSize(4);
                ResultSet rows = s.executeQuery("SELECT id FROM item ORDER BY id");
                seen.see("first", rows::next);
                var savepoint = c.setSavepoint();
                seen.sql(c, "SELECT nothing");
                c.rollback(savepoint);
                for (int i = 0; i < 12; i++) {
                  seen.see("next", rows::next);
                }
                seen.see("value", () -> rows.getInt(1));
                seen.sql(c, "SELECT nothing");
                for (int i = 0; i < 6; i++) {
                  seen.see("next in a failed transaction", rows::next);
                }
              }
              c.rollback();
            }),
        on(
            "streaming after a rollback",
            (c, seen) -> {
              items(c, 9);
              streaming(
                  c,
                  rows -> {
                    c.rollback();
                    seen.see("next", rows::next);
                    seen.see("next but one", rows::next);
                  });
            }),
        on(
            "streaming after a commit",
            (c, seen) -> {
              items(c, 9);
              streaming(
                  c,
                  rows -> {
                    c.commit();
                    seen.see("next", rows::next);
                  });
            }),
        on(
            "a fetch size in autocommit mode",
            (c, seen) -> {
              items(c, 20);
              try (Statement s = c.createStatement()) {
                s.setFetchSize(3);
                ResultSet rows = s.executeQuery("SELECT id FROM item ORDER BY id");
                seen.note("fetch size of the rows", rows.getFetchSize());
                rows.next();
                seen.sql(c, "DELETE FROM item", "SELECT nothing");
                int count = 1;
                while (rows.next()) {
                  count++;
                }
                seen.note("rows", count);
                seen.note("fetch size", s.getFetchSize());
              }
            }),
        on(
            "rows of a transaction read after it",
            (c, seen) -> {
              c.setAutoCommit(false);
              Statement s = c.createStatement();
              ResultSet rows = s.executeQuery(NUMBERS);
              rows.next();
              c.commit();
              seen.see("next", rows::next);
              seen.note("closed", rows.isClosed());
              c.setAutoCommit(true);
              seen.see("in autocommit mode", rows::next);
            }),
        on(
            "holdable result sets",
            (c, seen) -> {
              items(c, 30);
              c.setAutoCommit(false);
              try (Statement s =
                  c.createStatement(
                      ResultSet.TYPE_FORWARD_ONLY,
                      ResultSet.CONCUR_READ_ONLY,
                      ResultSet.HOLD_CURSORS_OVER_COMMIT)) {
                s.setFetchSize(3);
                ResultSet rows = s.executeQuery("SELECT id FROM item ORDER BY id");
                rows.next();
                c.commit();
                int count = 1;
                while (rows.next()) {
                  count++;
                }
                seen.note("rows", count);
                seen.see("holdability", rows::getHoldability);
              }
              c.commit();
              seen.note("of the connection", c.getHoldability());
              seen.does("hold", () -> c.setHoldability(ResultSet.HOLD_CURSORS_OVER_COMMIT));
              seen.note("now", c.getHoldability());
              seen.note("statements", c.createStatement().getResultSetHoldability());
              seen.does("nonsense", () -> c.setHoldability(99));
            }),
        on(
            "updating through a result set",
            (c, seen) -> {
              items(c, 6);
              for (boolean autoCommit : new boolean[] {true, false}) {
                c.setAutoCommit(autoCommit);
                try (Statement s =
                        c.createStatement(
                            ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
                    ResultSet rows =
                        s.executeQuery("SELECT id, name, owner FROM item ORDER BY id")) {
                  seen.note("concurrency", rows.getConcurrency());
                  rows.next();
                  rows.updateString("owner", "updated");
                  seen.does("update", rows::updateRow);
                  seen.note("value", rows.getString("owner"));
                  seen.does("refresh", rows::refreshRow);
                  rows.next();
                  seen.does("delete", rows::deleteRow);
                  rows.moveToInsertRow();
                  rows.updateInt("id", 100);
                  rows.updateString("name", "inserted");
                  seen.does("insert", rows::insertRow);
                  rows.moveToCurrentRow();
                  rows.first();
                  rows.updateString("name", "x");
                  seen.does("cancel", rows::cancelRowUpdates);
                  seen.note("name", rows.getString("name"));
                  rows.updateNull("name");
                  seen.does("a wrong update", rows::updateRow);
                  seen.sql(c, "SELECT * FROM item ORDER BY id");
                }
                if (!autoCommit) {
                  c.rollback();
                }
                seen.sql(c, "DELETE FROM item WHERE id = 100");
                if (!autoCommit) {
                  c.commit();
                }
              }
            }),
        on(
            "a result set that cannot be updated",
            (c, seen) -> {
              try (Statement s =
                      c.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_UPDATABLE);
                  ResultSet rows = s.executeQuery("SELECT count(*) FROM item")) {
                rows.next();
                seen.see("concurrency", rows::getConcurrency);
                seen.does("update", () -> rows.updateInt(1, 5));
                seen.does("delete", rows::deleteRow);
              }
            }),
        on(
            "refreshing a row that another statement changed",
            (c, seen) -> {
              items(c, 2);
              try (Statement s =
                      c.createStatement(
                          ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
                  ResultSet rows = s.executeQuery("SELECT id, name FROM item ORDER BY id")) {
                rows.next();
                seen.sql(c, "UPDATE item SET name = 'changed' WHERE id = 1");
                seen.see("stale", () -> rows.getString(2));
                seen.does("refresh", rows::refreshRow);
                seen.see("fresh", () -> rows.getString(2));
                seen.sql(c, "DELETE FROM item WHERE id = 1");
                seen.does("refresh a deleted one", rows::refreshRow);
              }
            }),
        on(
            "a new execution closes the rows of the last",
            (c, seen) -> {
              Statement s = c.createStatement();
              ResultSet rows = s.executeQuery(NUMBERS);
              rows.next();
              seen.see("again", () -> s.execute("SELECT 1"));
              seen.note("closed", rows.isClosed());
              seen.see("next", rows::next);
              ResultSet last = s.executeQuery(NUMBERS);
              s.close();
              seen.note("closed with the statement", last.isClosed());
              seen.see("next of closed", last::next);
              seen.does("close again", last::close);
            }),
        on(
            "rows at most",
            (c, seen) -> {
              try (Statement s = c.createStatement()) {
                s.setMaxRows(4);
                seen.see("rows", () -> s.executeQuery(NUMBERS));
                c.setAutoCommit(false);
                s.setFetchSize(3);
                seen.see("rows, streamed", () -> s.executeQuery(NUMBERS));
                c.commit();
              }
            }),
        on(
            "cursors by DECLARE",
            (c, seen) -> {
              items(c, 9);
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  "DECLARE few SCROLL CURSOR FOR SELECT id FROM item ORDER BY id",
                  "FETCH 2 FROM few",
                  "MOVE 2 IN few",
                  "FETCH BACKWARD 1 FROM few",
                  "UPDATE item SET name = 'x' WHERE CURRENT OF few",
                  "CLOSE few",
                  "FETCH few");
              c.rollback();
            }),
        on(
            "a cursor ends with its transaction",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "DECLARE one CURSOR FOR SELECT 5", "FETCH 1 FROM one");
              c.rollback();
              seen.sql(c, "FETCH 1 FROM one");
              c.rollback();
              seen.sql(
                  c, "DECLARE two CURSOR FOR SELECT generate_series(6, 8)", "FETCH 1 FROM two");
              c.commit();
              seen.sql(c, "FETCH 1 FROM two");
              c.rollback();
            }),
        on(
            "WITH HOLD cursors",
            (c, seen) -> {
              items(c, 5);
              seen.sql(
                  c,
                  "DECLARE held CURSOR WITH HOLD FOR SELECT id FROM item ORDER BY id",
                  "FETCH 2 FROM held",
                  "DELETE FROM item",
                  "FETCH 2 FROM held",
                  "SELECT nothing",
                  "FETCH 1 FROM held",
                  "CLOSE held");
            }),
        on(
            "a cursor without hold in autocommit mode",
            (c, seen) -> seen.sql(c, "DECLARE few CURSOR FOR SELECT 1", "FETCH few")),
        program(
            "streaming on one connection while another one works",
            (db, seen) -> {
              Connection a = db.open();
              items(a, 30);
              a.setAutoCommit(false);
              Statement s = a.createStatement();
              s.setFetchSize(4);
              ResultSet rows = s.executeQuery("SELECT id FROM item ORDER BY id");
              try (Connection b = db.open()) {
                int count = 0;
                while (rows.next()) {
                  count++;
                  if (count % 10 == 0) {
                    seen.sql(b, "INSERT INTO side.item VALUES (" + count + ")", "SELECT nothing");
                  }
                }
                seen.note("rows", count);
              }
              a.commit();
            }),
        program(
            "rows by name, by type and their nulls",
            (db, seen) -> {
              Connection c = db.open();
              try (Statement s = c.createStatement();
                  ResultSet rows =
                      s.executeQuery(
                          "SELECT 5 AS n, 'text' AS t, NULL::int AS nothing, true AS b")) {
                rows.next();
                seen.see("int", () -> rows.getInt("N"));
                seen.see("long", () -> rows.getLong("n"));
                seen.see("string of a number", () -> rows.getString(1));
                seen.see("decimal", () -> rows.getBigDecimal(1));
                seen.see("bytes of text", () -> rows.getBytes("t"));
                seen.see("null int", () -> rows.getInt(3));
                seen.see("was null", rows::wasNull);
                seen.see("null object", () -> rows.getObject("nothing"));
                seen.see("boolean", () -> rows.getBoolean("b"));
                seen.see("typed", () -> rows.getObject(1, Long.class));
                seen.see("wrongly typed", () -> rows.getObject(2, Integer.class));
                seen.see("no number", () -> rows.getInt("t"));
                seen.see("stream", () -> rows.getAsciiStream(2));
                seen.see("reader", () -> rows.getCharacterStream(2));
              }
            }));
  }

  private static void objects(ResultSet rows, Transcript seen) throws Exception {
    while (rows.next()) {
      for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
        int column = i;
        seen.see("object", () -> rows.getObject(column));
        seen.see("text", () -> rows.getString(column));
      }
    }
  }
}
