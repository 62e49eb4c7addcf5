package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.Program.on;
import static io.sandpiper.jdbc.Program.program;

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** What connections say of themselves and of the database, and things that are closed. */
final class ConnectionPrograms {

  /** Depend on the place by their nature, or make statements. */
  private static final String[] NOT_ASKED = {
    "getMetaData",
    "createStatement",
    "createBlob",
    "createClob",
    "createNClob",
    "createSQLXML",
    "setSavepoint",
    "getClientInfo"
  };

  private ConnectionPrograms() {}

  static List<Program> all() {
    return Stream.of(states(), metaData(), closed()).flatMap(List::stream).toList();
  }

  private static List<Program> states() {
    return List.of(
        on(
            "getters of a connection",
            (c, seen) -> {
              seen.getters(Connection.class, c, NOT_ASKED);
              seen.see("valid", () -> c.isValid(1));
              seen.see("negative", () -> c.isValid(-1));
              seen.see("application", () -> c.getClientInfo("nothing"));
              seen.sql(c, "SELECT 1");
              seen.getters(Connection.class, c, NOT_ASKED);
              c.setAutoCommit(false);
              c.setReadOnly(true);
              c.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
              seen.getters(Connection.class, c, NOT_ASKED);
              seen.sql(c, "SELECT 1");
              seen.getters(Connection.class, c, NOT_ASKED);
              seen.see("valid in a transaction", () -> c.isValid(1));
              seen.sql(c, "SELECT nothing");
              seen.see("valid in a failed transaction", () -> c.isValid(1));
              seen.getters(Connection.class, c, NOT_ASKED);
              c.rollback();
            }),
        on(
            "getters of a connection before its first statement",
            (c, seen) -> seen.getters(Connection.class, c, NOT_ASKED)),
        program(
            "a connection that comes back is as new",
            (db, seen) -> {
              for (int i = 0; i < 2; i++) {
                try (Connection c = db.open()) {
                  seen.getters(Connection.class, c, NOT_ASKED);
                  c.setAutoCommit(false);
                  c.setReadOnly(true);
                  c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
                  c.setSchema("side");
                  c.setNetworkTimeout(Runnable::run, 5_000);
                  seen.getters(Connection.class, c, NOT_ASKED);
                }
              }
            }),
        on(
            "network timeout",
            (c, seen) -> {
              seen.see("before", c::getNetworkTimeout);
              seen.does("set", () -> c.setNetworkTimeout(Runnable::run, 10_000));
              seen.see("after", c::getNetworkTimeout);
              seen.sql(c, "SELECT 1");
              seen.see("after a statement", c::getNetworkTimeout);
              seen.does("negative", () -> c.setNetworkTimeout(Runnable::run, -1));
            }),
        on(
            "preparing calls in all forms",
            (c, seen) -> {
              seen.see("1", () -> c.createStatement(1004, 1007));
              seen.see("2", () -> c.createStatement(1004, 1007, 1));
              seen.see("3", () -> c.prepareStatement("SELECT 1", 1004, 1008));
              seen.see("4", () -> c.prepareCall("SELECT 1", 1004, 1008));
              seen.see("5", () -> c.prepareCall("SELECT 1", 1004, 1008, 2));
              seen.see("6", () -> c.prepareStatement("SELECT 1", new int[0]));
              seen.see("wrong type", () -> c.createStatement(17, 18));
              seen.see("SQL of a wrong call", () -> c.prepareCall("{call"));
              seen.see("null", () -> c.prepareStatement(null));
            }),
        on(
            "equality and text of JDBC objects",
            (c, seen) -> {
              try (Statement s = c.createStatement()) {
                Object itself = s;
                seen.note("itself", s.equals(itself));
                seen.note("another", s.equals(c.createStatement()));
                seen.note("connection", s.getConnection().equals(c));
                seen.note("same", s.getConnection() == c);
                int hash = c.hashCode();
                seen.note("hash", hash == c.hashCode());
                seen.note("of metadata", c.getMetaData().getConnection() == c);
                ResultSet rows = s.executeQuery("SELECT 1");
                seen.note("of rows", rows.getStatement() == s);
                seen.note("of columns", rows.getMetaData().getColumnCount());
              }
            }));
  }

  private static List<Program> metaData() {
    return List.of(
        on(
            "what the database says of itself",
            (c, seen) ->
                seen.getters(
                    DatabaseMetaData.class,
                    c.getMetaData(),
                    "getConnection",
                    "getURL",
                    "getCatalogs",
                    "getTypeInfo",
                    "getClientInfoProperties")),
        on(
            "the database's types and properties",
            (c, seen) -> {
              DatabaseMetaData database = c.getMetaData();
              seen.see("types", () -> count(database.getTypeInfo()) > 50);
              seen.see("client info", database::getClientInfoProperties);
              seen.see("convert", () -> database.supportsConvert(4, 12));
              seen.see("holdability", () -> database.supportsResultSetHoldability(1));
              seen.see("concurrency", () -> database.supportsResultSetConcurrency(1004, 1008));
              seen.see("isolation", () -> database.supportsTransactionIsolationLevel(8));
              seen.see("own updates", () -> database.ownUpdatesAreVisible(1004));
            }),
        on(
            "tables, columns, keys, indexes, functions of the database",
            (c, seen) -> {
              for (boolean autoCommit : new boolean[] {true, false}) {
                c.setAutoCommit(autoCommit);
                DatabaseMetaData database = c.getMetaData();
                seen.see("tables", () -> database.getTables(null, "public", "%", null));
                seen.see(
                    "some", () -> database.getTables(null, null, "item", new String[] {"TABLE"}));
                seen.see("columns", () -> database.getColumns(null, "public", "account", null));
                seen.see("keys", () -> database.getPrimaryKeys(null, "public", "item"));
                seen.see("imported", () -> database.getImportedKeys(null, null, "child_deferred"));
                seen.see("exported", () -> database.getExportedKeys(null, null, "parent"));
                seen.see(
                    "cross",
                    () ->
                        database.getCrossReference(
                            null, null, "parent", null, null, "child_deferrable"));
                seen.see("indexes", () -> database.getIndexInfo(null, null, "account", true, true));
                seen.see("functions", () -> database.getFunctions(null, "public", "%"));
                seen.see(
                    "function columns",
                    () -> database.getFunctionColumns(null, "public", "parts", null));
                seen.see("procedures", () -> database.getProcedures(null, "public", "%"));
                seen.see(
                    "procedure columns",
                    () -> database.getProcedureColumns(null, "public", "put", null));
                seen.see("types", () -> database.getUDTs(null, "public", null, null));
                seen.see("schemas", database::getSchemas);
                seen.see("catalogs", () -> count(database.getCatalogs()) > 0);
                seen.see("table types", database::getTableTypes);
                seen.see(
                    "row id", () -> database.getBestRowIdentifier(null, null, "item", 0, true));
                seen.see("versions", () -> database.getVersionColumns(null, null, "item"));
                seen.see("privileges", () -> database.getTablePrivileges(null, null, "item"));
                seen.see(
                    "column privileges",
                    () -> database.getColumnPrivileges(null, null, "item", "id"));
                seen.see("super tables", () -> database.getSuperTables(null, null, "item"));
                seen.see(
                    "statement of rows",
                    () -> database.getTables(null, null, "item", null).getStatement());
              }
              c.commit();
            }),
        on(
            "the database's metadata of a table made by the test",
            (c, seen) -> {
              seen.sql(c, "CREATE TABLE made (id int PRIMARY KEY, a varchar(3) DEFAULT 'x')");
              seen.see("tables", () -> c.getMetaData().getTables(null, null, "made", null));
              seen.see("columns", () -> c.getMetaData().getColumns(null, null, "made", null));
              seen.sql(c, "DROP TABLE made");
              seen.see("gone", () -> c.getMetaData().getTables(null, null, "made", null));
            }));
  }

  private static int count(ResultSet rows) throws Exception {
    int count = 0;
    while (rows.next()) {
      count++;
    }
    return count;
  }

  private static List<Program> closed() {
    return List.of(
        program(
            "a closed connection",
            (db, seen) -> {
              Connection c = db.open();
              Statement s = c.createStatement();
              ResultSet rows = s.executeQuery("SELECT 1");
              DatabaseMetaData database = c.getMetaData();
              seen.does("close", c::close);
              seen.does("close again", c::close);
              seen.note("closed", c.isClosed());
              seen.see("valid", () -> c.isValid(1));
              seen.getters(Connection.class, c, "isClosed", "getMetaData");
              seen.see("prepare", () -> c.prepareStatement("SELECT 1"));
              seen.does("commit", c::commit);
              seen.does("rollback", c::rollback);
              seen.does("autocommit", () -> c.setAutoCommit(false));
              seen.see("execute", () -> s.execute("SELECT 1"));
              seen.note("its rows", rows.isClosed());
              seen.see("next", rows::next);
              seen.see("metadata", () -> database.getTables(null, null, "item", null));
            }),
        on(
            "a closed statement",
            (c, seen) -> {
              PreparedStatement s = c.prepareStatement("SELECT ?::int");
              s.setInt(1, 1);
              ResultSet rows = s.executeQuery();
              seen.does("close", s::close);
              seen.does("close again", s::close);
              seen.note("closed", s.isClosed());
              seen.note("rows", rows.isClosed());
              Arrays.stream(Statement.class.getMethods())
                  .filter(method -> method.getParameterCount() == 0)
                  .sorted(Comparator.comparing(java.lang.reflect.Method::getName))
                  .forEach(method -> seen.call(Statement.class, s, method));
              seen.see("execute", s::execute);
              seen.see("query", s::executeQuery);
              seen.see("update", s::executeUpdate);
              seen.does("parameter", () -> s.setInt(1, 1));
              seen.does("batch", s::addBatch);
              seen.see("columns", s::getMetaData);
              seen.see("parameters", s::getParameterMetaData);
            }),
        on(
            "a connection that is aborted",
            (c, seen) -> {
              seen.sql(c, "SELECT 1");
              seen.does("abort", () -> c.abort(Runnable::run));
              seen.note("closed", c.isClosed());
              seen.see("statement", c::createStatement);
            }));
  }
}
