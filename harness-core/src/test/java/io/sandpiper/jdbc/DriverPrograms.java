package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.Program.on;
import static io.sandpiper.jdbc.Program.program;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.sql.Blob;
import java.sql.Clob;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.postgresql.PGConnection;
import org.postgresql.PGResultSetMetaData;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.copy.CopyOut;
import org.postgresql.copy.PGCopyInputStream;
import org.postgresql.copy.PGCopyOutputStream;
import org.postgresql.jdbc.AutoSave;
import org.postgresql.jdbc.PreferQueryMode;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

/** What pgjdbc has beside JDBC: COPY, large objects, its own interfaces; cancels and timeouts. */
final class DriverPrograms {

  private static final String COPY_IN = "COPY item (id, name) FROM STDIN";
  private static final String COPY_OUT = "COPY (SELECT id, name FROM item ORDER BY id) TO STDOUT";

  private DriverPrograms() {}

  static List<Program> all() {
    return Stream.of(copies(), largeObjects(), cancels(), extensions())
        .flatMap(List::stream)
        .toList();
  }

  private static CopyManager copier(Connection c) throws SQLException {
    return c.unwrap(PGConnection.class).getCopyAPI();
  }

  private static List<Program> copies() {
    return List.of(
        on(
            "COPY by the manager's methods",
            (c, seen) -> {
              CopyManager copy = copier(c);
              seen.see("in", () -> copy.copyIn(COPY_IN, new StringReader("1\ta\n2\tb\n")));
              seen.see(
                  "in, bytes",
                  () ->
                      copy.copyIn(
                          COPY_IN,
                          new ByteArrayInputStream("3\tc\n".getBytes(StandardCharsets.UTF_8))));
              StringWriter text = new StringWriter();
              seen.see("out", () -> copy.copyOut(COPY_OUT, text));
              seen.note("text", text.toString());
              ByteArrayOutputStream bytes = new ByteArrayOutputStream();
              seen.see(
                  "out, as CSV",
                  () -> copy.copyOut("COPY item TO STDOUT (FORMAT csv, HEADER)", bytes));
              seen.note("bytes", bytes.toByteArray());
              seen.sql(c, "SELECT count(*) FROM item");
            }),
        on(
            "COPY that fails",
            (c, seen) -> {
              CopyManager copy = copier(c);
              seen.see("wrong rows", () -> copy.copyIn(COPY_IN, new StringReader("1\ta\nx\tb\n")));
              seen.see("a key twice", () -> copy.copyIn(COPY_IN, new StringReader("1\ta\n1\tb\n")));
              seen.see(
                  "wrong SQL", () -> copy.copyIn("COPY nowhere FROM STDIN", new StringReader("")));
              seen.see("not a COPY", () -> copy.copyIn("SELECT 1", new StringReader("")));
              seen.see("wrong direction", () -> copy.copyOut(COPY_IN, new StringWriter()));
              seen.see(
                  "a reader that fails",
                  () ->
                      copy.copyIn(
                          COPY_IN,
                          new InputStream() {
                            @Override
                            public int read() throws java.io.IOException {
                              throw new java.io.IOException("broken");
                            }
                          }));
              seen.see(
                  "out", () -> copy.copyOut("COPY (SELECT 1/0) TO STDOUT", new StringWriter()));
              seen.sql(c, "SELECT count(*) FROM item");
              seen.sql(c, "COPY item FROM STDIN", "SELECT 1", "COPY item TO STDOUT", "SELECT 2");
            }),
        on(
            "COPY in a transaction",
            (c, seen) -> {
              CopyManager copy = copier(c);
              c.setAutoCommit(false);
              seen.see("first", () -> copy.copyIn(COPY_IN, new StringReader("1\ta\n")));
              seen.sql(c, "SELECT * FROM item");
              c.rollback();
              seen.sql(c, "SELECT * FROM item");
              seen.see("later", () -> copy.copyIn(COPY_IN, new StringReader("2\ta\n")));
              c.commit();
              seen.see("failing", () -> copy.copyIn(COPY_IN, new StringReader("2\ta\n")));
              seen.sql(c, "SELECT 1");
              c.rollback();
              seen.sql(c, "SELECT * FROM item");
              seen.see("failing later", () -> copy.copyIn(COPY_IN, new StringReader("x\ta\n")));
              seen.see("in a failed one", () -> copy.copyIn(COPY_IN, new StringReader("4\ta\n")));
              c.rollback();
            }),
        on(
            "COPY piece by piece",
            (c, seen) -> {
              CopyManager copy = copier(c);
              CopyIn in = copy.copyIn(COPY_IN);
              seen.note("active", in.isActive());
              seen.note("fields", in.getFieldCount());
              seen.note("format", in.getFormat());
              byte[] row = "1\tpiece\n".getBytes(StandardCharsets.UTF_8);
              seen.does("write", () -> in.writeToCopy(row, 0, row.length));
              seen.does("flush", in::flushCopy);
              seen.see("end", in::endCopy);
              seen.note("rows", in.getHandledRowCount());
              seen.note("active at last", in.isActive());
              seen.see("end again", in::endCopy);
              CopyIn cancelled = copy.copyIn(COPY_IN);
              cancelled.writeToCopy("2\tno\n".getBytes(StandardCharsets.UTF_8), 0, 5);
              seen.does("cancel", cancelled::cancelCopy);
              seen.note("active after cancel", cancelled.isActive());
              seen.does("cancel again", cancelled::cancelCopy);
              seen.sql(c, "SELECT * FROM item");
              CopyOut out = copy.copyOut("COPY (SELECT generate_series(1, 2)) TO STDOUT");
              seen.see("read", out::readFromCopy);
              seen.see("read on", () -> out.readFromCopy(true));
              seen.see("at the end", out::readFromCopy);
              seen.note("active at the end", out.isActive());
              seen.sql(c, "SELECT 1");
            }),
        on(
            "COPY through streams",
            (c, seen) -> {
              PGConnection pg = c.unwrap(PGConnection.class);
              try (PGCopyOutputStream to = new PGCopyOutputStream(pg, COPY_IN)) {
                to.write("1\tstreamed\n".getBytes(StandardCharsets.UTF_8));
                seen.see("end", to::endCopy);
              }
              try (PGCopyInputStream from = new PGCopyInputStream(pg, COPY_OUT)) {
                seen.see("read", from::readAllBytes);
              }
              PGCopyOutputStream left = new PGCopyOutputStream(pg, COPY_IN);
              left.write("2\tx\n".getBytes(StandardCharsets.UTF_8));
              seen.does("cancel", left::cancelCopy);
              PGCopyOutputStream closed = new PGCopyOutputStream(pg, COPY_IN);
              closed.write("3\tclosed\n".getBytes(StandardCharsets.UTF_8));
              seen.does("close ends it", closed::close);
              seen.sql(c, "SELECT * FROM item");
            }),
        on(
            "binary COPY",
            (c, seen) -> {
              seen.sql(c, "INSERT INTO item VALUES (1, 'a')");
              ByteArrayOutputStream bytes = new ByteArrayOutputStream();
              CopyManager copy = copier(c);
              seen.see("out", () -> copy.copyOut("COPY item TO STDOUT (FORMAT binary)", bytes));
              seen.sql(c, "DELETE FROM item");
              seen.see(
                  "in",
                  () ->
                      copy.copyIn(
                          "COPY item FROM STDIN (FORMAT binary)",
                          new ByteArrayInputStream(bytes.toByteArray())));
            }),
        on(
            "COPY of many rows",
            (c, seen) -> {
              StringBuilder rows = new StringBuilder();
              for (int i = 0; i < 5_000; i++) {
                rows.append(i).append("\tname ").append(i).append('\n');
              }
              seen.see(
                  "in", () -> copier(c).copyIn(COPY_IN, new StringReader(rows.toString()), 100));
              StringWriter out = new StringWriter();
              seen.see("out", () -> copier(c).copyOut(COPY_OUT, out));
              seen.note("same", out.toString().contentEquals(rows));
              seen.sql(c, "TRUNCATE item");
            }));
  }

  private static List<Program> largeObjects() {
    return List.of(
        on(
            "large objects by their manager",
            (c, seen) -> {
              c.setAutoCommit(false);
              LargeObjectManager manager = c.unwrap(PGConnection.class).getLargeObjectAPI();
              long oid = manager.createLO(LargeObjectManager.READWRITE);
              try (LargeObject object = manager.open(oid, LargeObjectManager.READWRITE)) {
                object.write("hello world".getBytes(StandardCharsets.UTF_8));
                object.seek(6);
                seen.see("read", () -> object.read(5));
                seen.see("tell", object::tell);
                seen.see("size", object::size);
                object.truncate(5);
                object.seek(0);
                seen.see("stream", object::getInputStream);
                object.seek(0, LargeObject.SEEK_END);
                object.getOutputStream().write('!');
              }
              c.commit();
              LargeObject again = manager.open(oid, LargeObjectManager.READ);
              seen.see("after commit", () -> again.read(100));
              seen.does("write to a read-only one", () -> again.write(new byte[1]));
              seen.does("close in a failed transaction", again::close);
              c.rollback();
              seen.does("delete", () -> manager.delete(oid));
              c.rollback();
              seen.does("delete in earnest", () -> manager.delete(oid));
              c.commit();
              seen.see(
                  "open a deleted one",
                  () -> {
                    try {
                      return manager.open(oid);
                    } catch (SQLException gone) {
                      return gone.getSQLState();
                    }
                  });
              seen.sql(c, "SELECT 1");
              c.rollback();
            }),
        on(
            "large objects rolled back",
            (c, seen) -> {
              c.setAutoCommit(false);
              LargeObjectManager manager = c.unwrap(PGConnection.class).getLargeObjectAPI();
              long oid = manager.createLO();
              c.rollback();
              seen.see(
                  "open",
                  () -> {
                    try {
                      return manager.open(oid);
                    } catch (SQLException gone) {
                      return gone.getSQLState();
                    }
                  });
              c.rollback();
            }),
        on(
            "large objects in autocommit mode",
            (c, seen) -> {
              LargeObjectManager manager = c.unwrap(PGConnection.class).getLargeObjectAPI();
              seen.see("create", () -> manager.createLO() > 0);
              seen.see("open", () -> manager.open(1));
              seen.sql(c, "SELECT lo_get(lo_from_bytea(0, '\\x0102'))");
            }),
        on(
            "Blob and Clob",
            (c, seen) -> {
              seen.sql(
                  c,
                  "CREATE TABLE lobs (id int, b oid, t oid)",
                  "INSERT INTO lobs VALUES (1, lo_from_bytea(0, '\\x010203'), lo_from_bytea(0,"
                      + " 'text'))");
              c.setAutoCommit(false);
              seen.see("blob", c::createBlob);
              try (Statement s = c.createStatement();
                  var rows = s.executeQuery("SELECT b, t FROM lobs")) {
                rows.next();
                Blob blob = rows.getBlob(1);
                Clob clob = rows.getClob(2);
                seen.see("length", blob::length);
                seen.see("bytes", () -> blob.getBytes(2, 2));
                seen.see("stream", blob::getBinaryStream);
                seen.see("position", () -> blob.position(new byte[] {3}, 1));
                try (PreparedStatement s2 =
                    c.prepareStatement("INSERT INTO lobs VALUES (2, ?, ?)")) {
                  s2.setBlob(1, blob);
                  s2.setClob(2, clob);
                  seen.see("insert", s2::executeUpdate);
                }
                try (PreparedStatement s2 =
                    c.prepareStatement("INSERT INTO lobs VALUES (3, ?, NULL)")) {
                  seen.does(
                      "a stream", () -> s2.setBlob(1, new ByteArrayInputStream(new byte[3]), 3));
                  seen.see("insert a stream", s2::executeUpdate);
                }
                seen.see("set", () -> blob.setBytes(2, new byte[] {9}));
                seen.see("all", () -> blob.getBytes(1, 3));
                seen.does("truncate", () -> blob.truncate(1));
                seen.see("shorter", blob::length);
                seen.does("free", blob::free);
                seen.see("freed", blob::length);
                seen.see("clob", () -> clob.getSubString(1, 4));
                seen.see("clob length", clob::length);
              }
              seen.sql(
                  c,
                  "SELECT id, lo_unlink(b), lo_unlink(t) FROM lobs ORDER BY id",
                  "DROP TABLE lobs");
              c.commit();
            }),
        on(
            "fastpath",
            (c, seen) -> {
              var fastpath = c.unwrap(PGConnection.class).getFastpathAPI();
              fastpath.addFunction("lo_creat", 957);
              c.setAutoCommit(false);
              seen.see(
                  "call",
                  () ->
                      fastpath.getInteger(
                              "lo_creat",
                              new org.postgresql.fastpath.FastpathArg[] {
                                new org.postgresql.fastpath.FastpathArg(-1)
                              })
                          > 0);
              seen.see(
                  "unknown",
                  () -> fastpath.fastpath("nowhere", new org.postgresql.fastpath.FastpathArg[0]));
              c.rollback();
            }));
  }

  private static List<Program> cancels() {
    return List.of(
        on(
            "statement timeouts by SQL",
            (c, seen) -> {
              seen.sql(c, "SET statement_timeout = '50ms'", "SELECT pg_sleep(10)", "SELECT 1");
              c.setAutoCommit(false);
              seen.sql(c, "SELECT pg_sleep(10)", "SELECT 1");
              c.rollback();
              seen.sql(c, "SET LOCAL statement_timeout = 0", "SELECT pg_sleep(0.1)");
              c.commit();
              seen.sql(c, "SET statement_timeout = 0");
              c.commit();
            }),
        on(
            "query timeouts by the driver",
            (c, seen) -> {
              try (Statement s = c.createStatement()) {
                s.setQueryTimeout(1);
                seen.see("slow", () -> s.execute("SELECT pg_sleep(20)"));
                seen.see("fast", () -> s.execute("SELECT 1"));
                c.setAutoCommit(false);
                seen.see("slow in a transaction", () -> s.execute("SELECT pg_sleep(20)"));
                seen.sql(c, "SELECT 1");
                c.rollback();
                c.setAutoCommit(true);
              }
              try (PreparedStatement s = c.prepareStatement("SELECT pg_sleep(?), 1")) {
                s.setQueryTimeout(1);
                s.setInt(1, 20);
                seen.see("prepared", s::executeQuery);
                s.setInt(1, 0);
                seen.see("prepared and fast", s::executeQuery);
              }
            }),
        program(
            "cancelling a running statement",
            (db, seen) -> {
              Connection c = db.open();
              for (boolean autoCommit : new boolean[] {true, false}) {
                c.setAutoCommit(autoCommit);
                seen.sql(c, "SELECT 1");
                try (Statement s = c.createStatement()) {
                  String slow = "SELECT pg_sleep(20), " + autoCommit;
                  Future<?> cancel = db.cancelWhenRunning(s, slow);
                  seen.see("slow", () -> s.execute(slow));
                  cancel.get();
                  seen.see("afterwards", () -> s.execute("SELECT 1"));
                }
                if (!autoCommit) {
                  c.rollback();
                }
              }
            }),
        on(
            "cancelling nothing",
            (c, seen) -> {
              try (Statement s = c.createStatement()) {
                seen.does("before", s::cancel);
                seen.see("execute", () -> s.execute("SELECT 1"));
                seen.does("after", s::cancel);
                seen.see("again", () -> s.execute("SELECT 1"));
              }
              seen.does("query", () -> c.unwrap(PGConnection.class).cancelQuery());
            }));
  }

  private static List<Program> extensions() {
    return List.of(
        on(
            "wrappers",
            (c, seen) -> {
              for (Class<?> type :
                  List.of(
                      Connection.class,
                      PGConnection.class,
                      org.postgresql.jdbc.PgConnection.class,
                      org.postgresql.core.BaseConnection.class,
                      java.sql.Wrapper.class,
                      Statement.class,
                      String.class)) {
                seen.see("wraps " + type.getSimpleName(), () -> c.isWrapperFor(type));
                seen.see("is " + type.getSimpleName(), () -> type.isInstance(c.unwrap(type)));
              }
              try (PreparedStatement s = c.prepareStatement("SELECT id FROM item");
                  var rows = s.executeQuery()) {
                for (Class<?> type :
                    List.of(
                        Statement.class,
                        PreparedStatement.class,
                        PGStatement.class,
                        org.postgresql.core.BaseStatement.class,
                        Connection.class)) {
                  seen.see("wraps " + type.getSimpleName(), () -> s.isWrapperFor(type));
                  seen.see("is " + type.getSimpleName(), () -> type.isInstance(s.unwrap(type)));
                }
                for (Class<?> type :
                    List.of(
                        java.sql.ResultSet.class,
                        org.postgresql.PGRefCursorResultSet.class,
                        Statement.class)) {
                  seen.see("wraps " + type.getSimpleName(), () -> rows.isWrapperFor(type));
                  seen.see("is " + type.getSimpleName(), () -> type.isInstance(rows.unwrap(type)));
                }
                var columns = rows.getMetaData();
                seen.see("wraps columns", () -> columns.isWrapperFor(PGResultSetMetaData.class));
                seen.see(
                    "base table",
                    () -> columns.unwrap(PGResultSetMetaData.class).getBaseTableName(1));
                seen.see(
                    "database",
                    () -> c.getMetaData().isWrapperFor(java.sql.DatabaseMetaData.class));
              }
            }),
        on(
            "pgjdbc's own settings",
            (c, seen) -> {
              PGConnection pg = c.unwrap(PGConnection.class);
              seen.note("prepare threshold", pg.getPrepareThreshold());
              seen.note("fetch size", pg.getDefaultFetchSize());
              seen.note("query mode", pg.getPreferQueryMode());
              seen.note("autosave", pg.getAutosave());
              seen.see("parameter", () -> pg.getParameterStatus("server_encoding"));
              seen.see("timezone", () -> pg.getParameterStatus("TimeZone"));
              seen.see("escape", () -> pg.escapeLiteral("it's") + pg.escapeIdentifier("a\"b"));
              seen.see("array", () -> pg.createArrayOf("int4", new int[] {1}));
              seen.does("threshold", () -> pg.setPrepareThreshold(1));
              try (PreparedStatement s = c.prepareStatement("SELECT ?::int")) {
                PGStatement own = s.unwrap(PGStatement.class);
                seen.note("threshold of the statement", own.getPrepareThreshold());
                seen.note("server-prepared", own.isUseServerPrepare());
                s.setInt(1, 1);
                for (int i = 0; i < 3; i++) {
                  seen.see("execute", s::executeQuery);
                  seen.note("server-prepared now", own.isUseServerPrepare());
                }
                seen.note("last OID", own.getLastOID());
                own.setPrepareThreshold(0);
                seen.see("not prepared", s::executeQuery);
              }
              pg.setDefaultFetchSize(6);
              seen.note("of a new statement", c.createStatement().getFetchSize());
              pg.setDefaultFetchSize(0);
            }),
        on(
            "pgjdbc's own settings are as before",
            (c, seen) -> {
              PGConnection pg = c.unwrap(PGConnection.class);
              seen.note("prepare threshold", pg.getPrepareThreshold());
              seen.note("fetch size", pg.getDefaultFetchSize());
              seen.note("autosave", pg.getAutosave());
            }),
        on(
            "autosave asked for by the application",
            (c, seen) -> {
              PGConnection pg = c.unwrap(PGConnection.class);
              pg.setAutosave(AutoSave.ALWAYS);
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  "INSERT INTO item VALUES (1, 'a')",
                  "INSERT INTO item VALUES (1, 'a')",
                  "INSERT INTO item VALUES (2, 'b')");
              c.commit();
              seen.note("autosave", pg.getAutosave());
            }),
        on(
            "simple query mode is not switched on",
            (c, seen) ->
                seen.note(
                    "mode",
                    c.unwrap(PGConnection.class).getPreferQueryMode() == PreferQueryMode.EXTENDED)),
        on(
            "replication",
            (c, seen) ->
                seen.see("API", () -> c.unwrap(PGConnection.class).getReplicationAPI() != null)));
  }
}
