package io.sandpiper.jdbc;

import io.sandpiper.jdbc.LockWait.Blocker;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the locks of a server through a connection that is no sandbox's. Safe for use by several
 * threads; it never waits for a lock for long itself.
 */
final class LockObserver implements AutoCloseable {

  private static final String LIMITS =
      "SET LOCAL statement_timeout='2s';SET LOCAL lock_timeout='200ms'";

  private static final int SHOWN = 160;

  /** Who waits for whom, from some processes on along the chain. */
  private static final String WAITS =
      """
      WITH RECURSIVE waiting(pid, by) AS (
        SELECT w.pid, u.by
        FROM unnest(?::int[]) w(pid) CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) u(by)
        UNION
        SELECT b.by, u.by
        FROM waiting b CROSS JOIN LATERAL unnest(pg_blocking_pids(b.by)) u(by)
      ), locks AS MATERIALIZED (SELECT * FROM pg_locks)
      SELECT DISTINCT w.pid, w.by, l.locktype, l.mode, l.classid, l.objid, l.objsubid,
        coalesce(l.relation, t.relation)::regclass::text AS relation,
        '(' || coalesce(l.page, t.page) || ',' || coalesce(l.tuple, t.tuple) || ')' AS ctid,
        (SELECT string_agg(DISTINCT h.mode, ', ') FROM locks h
          WHERE h.pid = w.by AND h.granted AND l.locktype = 'relation'
          AND h.locktype = 'relation' AND h.database = l.database AND h.relation = l.relation
        ) AS holds,
        a.query AS statement,
        b.application_name, b.state, b.query, b.client_addr
      FROM waiting w
      JOIN locks l ON l.pid = w.pid AND NOT l.granted
      LEFT JOIN locks t ON t.pid = w.pid AND t.granted AND t.locktype = 'tuple'
        AND l.locktype = 'transactionid'
      LEFT JOIN pg_stat_activity a ON a.pid = w.pid
      LEFT JOIN pg_stat_activity b ON b.pid = w.by
      ORDER BY w.pid, w.by
      """;

  private static final String RELATION =
      """
      SELECT c.oid::regclass::text, i.indrelid::regclass::text,
        (SELECT string_agg(pg_get_indexdef(c.oid, k, true), ', ')
          FROM generate_series(1, i.indnkeyatts) k)
      FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
      WHERE c.relname = ? AND c.relkind IN ('r', 'p', 'i', 'I', 'm')
      ORDER BY pg_table_is_visible(c.oid) DESC
      """;

  /** "while updating tuple (0,1) in relation "item"", in whatever language. */
  private static final Pattern PLACE = Pattern.compile("(\\(\\d+,\\d+\\))\\D*?\"(.+?)\"");

  private final ConnectionRoom room;
  private final ReentrantLock lock = new ReentrantLock();
  private @Nullable Connection kept;
  private volatile @Nullable Boolean applicationLimits;
  private volatile boolean closed;
  private volatile boolean unwanted;

  /**
   * Where an error of the server has happened.
   *
   * @param lock what was to be locked
   * @param relation the table that it is of
   */
  record Place(String lock, String relation) {}

  /** Asks something of a connection. */
  private interface Question<T extends @Nullable Object> {
    T of(Connection connection) throws SQLException;
  }

  LockObserver(ConnectionRoom room) {
    this.room = room;
  }

  /**
   * Those of some processes that wait for a lock, and those in their way that wait themselves, by
   * process.
   */
  Map<Integer, LockWait> waits(Collection<Integer> pids) throws SQLException {
    Map<Integer, LockWait> waits = new LinkedHashMap<>();
    Map<Integer, String> rows = new LinkedHashMap<>();
    ask(
        connection -> {
          try (PreparedStatement statement = connection.prepareStatement(WAITS)) {
            statement.setArray(1, connection.createArrayOf("int4", pids.toArray()));
            try (ResultSet row = statement.executeQuery()) {
              while (row.next()) {
                add(waits, row);
                String ctid = row.getString("ctid");
                if (ctid != null) {
                  rows.put(row.getInt("pid"), ctid);
                }
              }
            }
          }
          return null;
        });
    for (Map.Entry<Integer, String> row : rows.entrySet()) {
      waits.computeIfPresent(
          row.getKey(), (pid, wait) -> wait.on(row(wait.relation(), row.getValue())));
    }
    return waits;
  }

  private static void add(Map<Integer, LockWait> waits, ResultSet row) throws SQLException {
    int pid = row.getInt("pid");
    LockWait known = waits.get(pid);
    if (known == null) {
      String kind = row.getString("locktype");
      known =
          new LockWait(
              pid,
              kind,
              lock(kind, row),
              row.getString("relation"),
              row.getString("mode"),
              new ArrayList<>(),
              brief(row.getString("statement")));
      waits.put(pid, known);
    }
    known.blockers().add(new Blocker(row.getInt("by"), description(row), row.getString("holds")));
  }

  private static @Nullable String lock(String kind, ResultSet row) throws SQLException {
    return switch (kind) {
      case "transactionid" -> null;
      case "relation" -> "the whole of " + row.getString("relation");
      case "advisory" -> {
        long high = row.getLong("classid");
        long low = row.getLong("objid");
        yield "advisory lock "
            + (row.getInt("objsubid") == 1 ? "" + (high << 32 | low) : high + ", " + low);
      }
      default -> "a lock on " + kind;
    };
  }

  private static String description(ResultSet row) throws SQLException {
    if (row.getInt("by") == 0) {
      return "a prepared transaction, see pg_prepared_xacts";
    }
    String address = row.getString("client_addr");
    return "process %d of application \"%s\"%s, %s, last statement: %s"
        .formatted(
            row.getInt("by"),
            Objects.requireNonNullElse(row.getString("application_name"), ""),
            address == null ? "" : " at " + address,
            Objects.requireNonNullElse(row.getString("state"), "gone by now"),
            brief(row.getString("query")));
  }

  /**
   * Reads what an error of the server says that a lock was for; null where it does not say.
   *
   * @param where the error's context
   */
  @Nullable Place place(@Nullable String where) {
    Matcher place = PLACE.matcher(where == null ? "" : where);
    if (!place.find()) {
      return null;
    }
    String name = place.group(2);
    try {
      return ask(connection -> place(connection, name, place.group(1)));
    } catch (SQLException unknown) {
      return unread(name);
    }
  }

  private static Place unread(String name) {
    return new Place("a row or key of " + name, name);
  }

  private static Place place(Connection connection, String name, String ctid) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(RELATION)) {
      statement.setString(1, name);
      try (ResultSet relation = statement.executeQuery()) {
        if (!relation.next()) {
          return unread(name);
        }
        String found = relation.getString(1);
        String table = relation.getString(2);
        return table == null
            ? new Place(row(connection, found, ctid), found)
            : new Place(
                "the key (%s) of %s, unique by %s".formatted(relation.getString(3), table, name),
                table);
      }
    }
  }

  /**
   * What a relation or a row of it is.
   *
   * @param number the relation's
   * @param ctid where in it the row is, or null for the whole
   */
  String lock(String number, @Nullable String ctid) {
    String relation;
    try {
      relation =
          ask(
              connection -> {
                try (PreparedStatement statement =
                    connection.prepareStatement("SELECT ?::oid::regclass::text")) {
                  statement.setString(1, number);
                  try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    return row.getString(1);
                  }
                }
              });
    } catch (SQLException unknown) {
      relation = "relation " + number;
    }
    return ctid == null ? "the whole of " + relation : row(relation, ctid);
  }

  private String row(@Nullable String relation, String ctid) {
    if (relation == null) {
      return "row " + ctid;
    }
    try {
      return ask(connection -> row(connection, relation, ctid));
    } catch (SQLException notReadable) {
      return "row %s of %s".formatted(ctid, relation);
    }
  }

  private static String row(Connection connection, String relation, String ctid)
      throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement(
            "SELECT row_to_json(t)::text FROM %s t WHERE t.ctid = ?::tid".formatted(relation))) {
      statement.setString(1, ctid);
      try (ResultSet row = statement.executeQuery()) {
        return row.next()
            ? "row %s of %s".formatted(brief(row.getString(1)), relation)
            : "a row of %s that is not committed".formatted(relation);
      }
    }
  }

  /** The processes of some transactions that are still open, by transaction. */
  Map<String, Integer> processes(Collection<String> transactions) throws SQLException {
    return ask(
        connection -> {
          try (PreparedStatement statement =
              connection.prepareStatement(
                  "SELECT transactionid::text, pid FROM pg_locks WHERE locktype = 'transactionid'"
                      + " AND mode = 'ExclusiveLock' AND granted AND transactionid::text = ANY(?)")) {
            statement.setArray(1, connection.createArrayOf("text", transactions.toArray()));
            Map<String, Integer> found = new LinkedHashMap<>();
            try (ResultSet row = statement.executeQuery()) {
              while (row.next()) {
                found.put(row.getString(1), row.getInt(2));
              }
            }
            return found;
          }
        });
  }

  /** What a process is that is no sandbox's. */
  String session(int pid) throws SQLException {
    return ask(
        connection -> {
          try (PreparedStatement statement =
              connection.prepareStatement(
                  "SELECT pid AS by, application_name, state, query, client_addr"
                      + " FROM pg_stat_activity WHERE pid = ?")) {
            statement.setInt(1, pid);
            try (ResultSet row = statement.executeQuery()) {
              return row.next() ? description(row) : "process %d, gone by now".formatted(pid);
            }
          }
        });
  }

  /** Whether the application has chosen itself how long its connections wait for a lock. */
  boolean applicationLimits() throws SQLException {
    Boolean known = applicationLimits;
    return known != null ? known : ask(connection -> Boolean.TRUE.equals(applicationLimits));
  }

  private <T extends @Nullable Object> T ask(Question<T> question) throws SQLException {
    lock.lock();
    try {
      return inTurn(question);
    } finally {
      if (unwanted) {
        drop();
      }
      lock.unlock();
    }
  }

  private <T extends @Nullable Object> T inTurn(Question<T> question) throws SQLException {
    Connection connection = connection();
    boolean sound = false;
    try {
      connection.setAutoCommit(false);
      T answer;
      try (Statement statement = connection.createStatement()) {
        statement.execute(LIMITS);
        answer = question.of(connection);
      }
      connection.rollback();
      connection.setAutoCommit(true);
      sound = true;
      return answer;
    } finally {
      if (!sound || closed || !room.isDedicated()) {
        kept = null;
        connection.close();
      }
    }
  }

  private Connection connection() throws SQLException {
    Connection known = kept;
    if (known != null) {
      return known;
    }
    Connection opened = room.observer();
    try {
      if (applicationLimits == null) {
        try (Statement statement = opened.createStatement();
            ResultSet row =
                statement.executeQuery("SELECT current_setting('lock_timeout') <> '0'")) {
          row.next();
          applicationLimits = row.getBoolean(1);
        }
      }
    } catch (SQLException failed) {
      opened.close();
      throw failed;
    }
    kept = opened;
    return opened;
  }

  /** A text on one line and short enough for a message. */
  static String brief(@Nullable String text) {
    String line = text == null ? "" : text.strip().replaceAll("\\s+", " ");
    return line.length() <= SHOWN ? line : line.substring(0, SHOWN).strip() + " …";
  }

  /** Keeps no connection from now on. */
  @Override
  public void close() {
    closed = true;
    release();
  }

  /**
   * Closes its connection, if it has one, or has it closed by who uses it; another question opens
   * one again. Does not wait: who uses it may be waiting for the one that calls.
   */
  void release() {
    unwanted = true;
    if (lock.tryLock()) {
      try {
        drop();
      } finally {
        lock.unlock();
      }
    }
  }

  private void drop() {
    unwanted = false;
    Connection known = kept;
    kept = null;
    if (known != null) {
      try {
        known.close();
      } catch (SQLException lost) {
        // Then it holds nothing any more.
        return;
      }
    }
  }
}
