package io.sandpiper.jdbc;

import static io.sandpiper.jdbc.Program.on;
import static io.sandpiper.jdbc.Program.program;

import java.sql.Connection;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;

/** What a session keeps: settings, schemas, temporary tables, locks, notifications, sequences. */
final class SessionPrograms {

  private SessionPrograms() {}

  static List<Program> all() {
    return List.of(
        on(
            "settings of a session",
            (c, seen) -> {
              seen.sql(
                  c,
                  "SET work_mem = '7MB'",
                  "SHOW work_mem",
                  "SELECT set_config('my.own', 'x', false), current_setting('my.own')",
                  "SELECT nothing",
                  "SHOW work_mem",
                  "RESET work_mem",
                  "SET bytea_output = 'escape'",
                  "SELECT '\\x00'::bytea::text",
                  "SET DateStyle = 'ISO, DMY'",
                  "SELECT '01/02/2026'::date::text",
                  "SET extra_float_digits = 0",
                  "SELECT 0.1::float8 + 0.2",
                  "SET nonsense = 1",
                  "SET client_min_messages = 'error'",
                  "SELECT talk(1)",
                  "SET search_path = side",
                  "SELECT * FROM item",
                  "SHOW search_path");
            }),
        on(
            "SET LOCAL in autocommit mode",
            (c, seen) -> seen.sql(c, "SET LOCAL work_mem = '8MB'", "SHOW work_mem")),
        on(
            "settings are as before",
            (c, seen) ->
                seen.sql(
                    c,
                    "SHOW work_mem",
                    "SHOW search_path",
                    "SHOW TimeZone",
                    "SHOW DateStyle",
                    "SHOW client_min_messages",
                    "SHOW bytea_output",
                    "SHOW statement_timeout",
                    "SELECT current_user = session_user",
                    "SELECT count(*) FROM pg_prepared_statements WHERE from_sql",
                    "SELECT count(*) FROM pg_listening_channels()",
                    "SELECT count(*) FROM pg_cursors",
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")),
        on(
            "settings of the server that the sandbox needs for itself",
            (c, seen) ->
                seen.sql(
                    c,
                    "SHOW lock_timeout",
                    "SHOW idle_in_transaction_session_timeout",
                    "SHOW application_name")),
        on(
            "SET application_name and lock_timeout",
            (c, seen) -> {
              seen.sql(
                  c,
                  "SET application_name = 'mine'",
                  "SHOW application_name",
                  "SET lock_timeout = '3s'",
                  "SHOW lock_timeout",
                  "INSERT INTO item VALUES (1, 'a')");
              c.setAutoCommit(false);
              seen.sql(c, "SET LOCAL application_name = 'local'", "SHOW application_name");
              c.rollback();
              seen.sql(c, "SHOW application_name");
              c.rollback();
            }),
        on(
            "client info",
            (c, seen) -> {
              seen.does("set", () -> c.setClientInfo("ApplicationName", "informed"));
              seen.see("get", () -> c.getClientInfo("ApplicationName"));
              seen.sql(c, "SHOW application_name");
              seen.does("unknown", () -> c.setClientInfo("Nonsense", "x"));
              seen.see("warning", c::getWarnings);
              c.clearWarnings();
              seen.see("cleared", c::getWarnings);
              Properties all = new Properties();
              all.setProperty("ApplicationName", "again");
              seen.does("all", () -> c.setClientInfo(all));
              seen.see("get again", () -> c.getClientInfo().getProperty("ApplicationName"));
            }),
        on(
            "schema and search path",
            (c, seen) -> {
              seen.see("schema", c::getSchema);
              seen.does("set", () -> c.setSchema("side"));
              seen.see("schema now", c::getSchema);
              seen.sql(
                  c,
                  "SELECT * FROM item",
                  "SHOW search_path",
                  "INSERT INTO item VALUES (1, 'side')");
              c.setAutoCommit(false);
              seen.does("set in a transaction", () -> c.setSchema("public"));
              seen.see("schema in the transaction", c::getSchema);
              seen.does("rollback", c::rollback);
              seen.see("schema after rollback", c::getSchema);
              c.setAutoCommit(true);
              seen.does("one that is not there", () -> c.setSchema("nowhere"));
              seen.see("schema then", c::getSchema);
              seen.does("null", () -> c.setSchema(null));
              seen.does("catalog", () -> c.setCatalog("nonsense"));
              seen.see("catalog is", c::getCatalog);
            }),
        program(
            "two connections with different schemas",
            (db, seen) -> {
              Connection a = db.open();
              Connection b = db.open();
              a.setSchema("side");
              seen.see("of a", a::getSchema);
              seen.see("of b", b::getSchema);
              seen.sql(b, "INSERT INTO item VALUES (1, 'public')");
              seen.sql(a, "INSERT INTO item VALUES (1, 'side')", "SELECT * FROM item");
              seen.sql(b, "SELECT * FROM item");
              b.setSchema("side");
              seen.sql(b, "SELECT * FROM item");
              a.setSchema("public");
              seen.sql(a, "SELECT * FROM item");
              a.close();
              Connection fresh = db.open();
              seen.see("of a fresh one", fresh::getSchema);
            }),
        program(
            "two connections with different settings",
            (db, seen) -> {
              Connection a = db.open();
              Connection b = db.open();
              seen.sql(a, "SET work_mem = '9MB'", "SET search_path = side, public");
              seen.sql(b, "SHOW work_mem", "SHOW search_path");
              seen.sql(a, "SHOW work_mem", "SHOW search_path");
            }),
        on(
            "roles",
            (c, seen) -> {
              seen.sql(
                  c,
                  "CREATE ROLE conformance_role",
                  "SET ROLE conformance_role",
                  "SELECT current_user",
                  "SELECT * FROM item",
                  "RESET ROLE",
                  "DROP ROLE conformance_role");
            }),
        on(
            "temporary tables",
            (c, seen) -> {
              seen.sql(
                  c,
                  "CREATE TEMPORARY TABLE t (id int)",
                  "INSERT INTO t VALUES (1)",
                  "SELECT * FROM t",
                  "CREATE TEMP TABLE item (id int)",
                  "SELECT count(*) FROM item",
                  "DROP TABLE item");
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  "CREATE TEMP TABLE kept (id int) ON COMMIT PRESERVE ROWS",
                  "INSERT INTO kept VALUES (1)");
              c.commit();
              seen.sql(c, "SELECT * FROM kept");
              c.commit();
              seen.sql(c, "DROP TABLE t, kept");
              c.commit();
            }),
        on(
            "temporary tables that empty or drop themselves at commit",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  "CREATE TEMP TABLE emptied (id int) ON COMMIT DELETE ROWS",
                  "INSERT INTO emptied VALUES (1)",
                  "CREATE TEMP TABLE dropped (id int) ON COMMIT DROP",
                  "INSERT INTO dropped VALUES (1)");
              c.commit();
              seen.sql(c, "SELECT count(*) FROM emptied");
              c.commit();
              seen.sql(c, "SELECT count(*) FROM dropped");
              c.rollback();
            }),
        program(
            "a temporary table is that of its connection",
            (db, seen) -> {
              Connection a = db.open();
              seen.sql(a, "CREATE TEMP TABLE own (id int)");
              seen.sql(db.open(), "SELECT * FROM own");
            }),
        on(
            "SQL PREPARE",
            (c, seen) -> {
              seen.sql(
                  c,
                  "PREPARE mine(int) AS SELECT $1 + 1",
                  "EXECUTE mine(4)",
                  "SELECT nothing",
                  "EXECUTE mine(5)",
                  "PREPARE mine(int) AS SELECT 1",
                  "DEALLOCATE mine",
                  "EXECUTE mine(6)");
              c.setAutoCommit(false);
              seen.sql(c, "PREPARE other AS SELECT 1");
              c.rollback();
              seen.sql(c, "EXECUTE other", "DEALLOCATE ALL");
              c.commit();
            }),
        on(
            "a prepared statement after DEALLOCATE ALL",
            (c, seen) -> {
              try (var s = c.prepareStatement("SELECT ?::int")) {
                for (int i = 0; i < 8; i++) {
                  s.setInt(1, i);
                  seen.see("before", s::executeQuery);
                }
                seen.sql(c, "DEALLOCATE ALL");
                seen.see("after", s::executeQuery);
              }
            }),
        on("DISCARD", (c, seen) -> seen.sql(c, "DISCARD PLANS", "DISCARD ALL")),
        on(
            "advisory locks",
            (c, seen) -> {
              seen.sql(
                  c,
                  "SELECT pg_advisory_lock(1)",
                  "SELECT pg_try_advisory_lock(1)",
                  "SELECT pg_advisory_unlock(1)",
                  "SELECT pg_advisory_unlock(1)",
                  "SELECT pg_advisory_unlock(1)",
                  "SELECT pg_advisory_unlock_all()");
              c.setAutoCommit(false);
              seen.sql(c, "SELECT pg_advisory_xact_lock(2)", "SELECT pg_try_advisory_xact_lock(2)");
              seen.sql(
                  c,
                  "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()");
              c.rollback();
              seen.sql(
                  c,
                  "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()");
              seen.sql(c, "SELECT pg_advisory_lock(3)");
              c.commit();
            }),
        on(
            "transaction advisory locks are given back at commit",
            (c, seen) -> {
              c.setAutoCommit(false);
              seen.sql(c, "SELECT pg_advisory_xact_lock(2)");
              c.commit();
              seen.sql(
                  c,
                  "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()");
              c.commit();
            }),
        on(
            "LISTEN and getNotifications",
            (c, seen) -> {
              PGConnection pg = c.unwrap(PGConnection.class);
              seen.sql(c, "LISTEN events", "NOTIFY events, 'one'");
              seen.see("events", () -> notifications(pg));
              c.setAutoCommit(false);
              seen.sql(c, "NOTIFY events, 'lost'");
              c.rollback();
              seen.see("after rollback", () -> notifications(pg));
              seen.sql(c, "UNLISTEN *");
              c.commit();
            }),
        on(
            "NOTIFY that nobody hears",
            (c, seen) -> {
              seen.sql(c, "NOTIFY other", "SELECT pg_notify('other', 'payload')", "UNLISTEN *");
              c.setAutoCommit(false);
              seen.sql(c, "NOTIFY other, 'payload'");
              c.rollback();
            }),
        on(
            "sequences",
            (c, seen) -> {
              seen.sql(
                  c,
                  "SELECT nextval('numbers')",
                  "SELECT currval('numbers')",
                  "SELECT lastval()",
                  "SELECT setval('numbers', 40)");
              c.setAutoCommit(false);
              seen.sql(c, "SELECT nextval('numbers')");
              c.rollback();
              seen.sql(
                  c,
                  "SELECT nextval('numbers')",
                  "INSERT INTO counted DEFAULT VALUES RETURNING id");
              c.rollback();
              seen.sql(
                  c,
                  "INSERT INTO counted DEFAULT VALUES RETURNING id",
                  "ALTER SEQUENCE numbers RESTART");
              c.commit();
              seen.sql(c, "SELECT nextval('numbers')");
              c.commit();
            }),
        on(
            "a sequence's current value before its first use",
            (c, seen) -> seen.sql(c, "SELECT currval('numbers')")),
        on(
            "transaction ids and the like",
            (c, seen) -> {
              seen.sql(
                  c,
                  "SELECT pg_current_xact_id_if_assigned() IS NULL",
                  "SELECT pg_trigger_depth()");
              c.setAutoCommit(false);
              seen.sql(
                  c,
                  "INSERT INTO item VALUES (1, 'a')",
                  "SELECT pg_current_xact_id_if_assigned() IS NOT NULL",
                  "SELECT count(*) FROM item WHERE xmin::text <> '0'");
              c.commit();
            }),
        on(
            "DDL and what it leaves",
            (c, seen) -> {
              seen.sql(
                  c,
                  "CREATE SCHEMA made",
                  "CREATE TABLE made.t (id serial, a int)",
                  "INSERT INTO made.t (a) VALUES (1) RETURNING id",
                  "CREATE UNIQUE INDEX ON made.t (a)",
                  "INSERT INTO made.t (a) VALUES (1)",
                  "CREATE MATERIALIZED VIEW made.m AS SELECT count(*) FROM made.t",
                  "REFRESH MATERIALIZED VIEW made.m",
                  "SELECT * FROM made.m",
                  "CREATE TABLE made.parts (id int) PARTITION BY RANGE (id)",
                  "CREATE TABLE made.part PARTITION OF made.parts FOR VALUES FROM (1) TO (10)",
                  "INSERT INTO made.parts VALUES (50)",
                  "CREATE TRIGGER again AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION shout()",
                  "INSERT INTO item VALUES (1, 'loud')",
                  "GRANT SELECT ON item TO PUBLIC",
                  "ALTER TABLE item RENAME TO things",
                  "SELECT * FROM item",
                  "ALTER TABLE things RENAME TO item",
                  "DROP SCHEMA made",
                  "DROP SCHEMA made CASCADE",
                  "DROP TRIGGER again ON item");
            }));
  }

  private static List<String> notifications(PGConnection pg) throws Exception {
    var found = pg.getNotifications(100);
    return found == null
        ? List.of()
        : java.util.Arrays.stream(found).map(n -> n.getName() + "=" + n.getParameter()).toList();
  }
}
