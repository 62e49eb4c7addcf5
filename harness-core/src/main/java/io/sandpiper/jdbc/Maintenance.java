package io.sandpiper.jdbc;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.postgresql.jdbc.PgConnection;

/**
 * A session in the server's maintenance database, from which databases are made, locked and
 * dropped. For one thread at a time.
 */
final class Maintenance implements AutoCloseable {

  /** The database that every server has for this; nobody clones it, so we may stay connected. */
  static final String DATABASE = "postgres";

  private static final int IDLE_TIMEOUT_SINCE = 140000;
  private static final int STRATEGIES_SINCE = 150000;
  private static final String NOT_ALLOWED = "42501";
  private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final Connection connection;

  private Maintenance(Connection connection) {
    this.connection = connection;
  }

  static Maintenance on(Connection connection) throws SQLException {
    Maintenance session = new Maintenance(connection);
    // What the application's role is given for its statements is little for the copy of a database.
    session.execute("SET statement_timeout = 0;SET lock_timeout = 0");
    if (connection.unwrap(PgConnection.class).haveMinimumServerVersion(IDLE_TIMEOUT_SINCE)) {
      // Its locks are to last as long as the run.
      session.execute("SET idle_session_timeout = 0");
    }
    return session;
  }

  /** Copies a database file by file; all or nothing. */
  void create(String name, String template) throws SQLException {
    boolean strategies =
        connection.unwrap(PgConnection.class).haveMinimumServerVersion(STRATEGIES_SINCE);
    execute(
        "CREATE DATABASE %s TEMPLATE %s%s"
            .formatted(quoted(name), quoted(template), strategies ? " STRATEGY FILE_COPY" : ""));
  }

  /** Gives a copy its final name and lets nobody connect to it. */
  void freeze(String name, String frozenName) throws SQLException {
    execute("ALTER DATABASE %s ALLOW_CONNECTIONS false".formatted(quoted(name)));
    rename(name, frozenName);
  }

  void rename(String name, String newName) throws SQLException {
    execute("ALTER DATABASE %s RENAME TO %s".formatted(quoted(name), quoted(newName)));
  }

  /** Drops a database, with whoever is still connected to it. */
  void drop(String name) throws SQLException {
    String drop = "DROP DATABASE IF EXISTS " + quoted(name);
    try {
      execute(drop + " WITH (FORCE)");
    } catch (SQLException failed) {
      if (!NOT_ALLOWED.equals(failed.getSQLState())) {
        throw failed;
      }
      // Only superusers may end an autovacuum worker so, which goes by itself without.
      execute(drop);
    }
  }

  /** Takes a lock that lasts as long as this session, where nobody has it. */
  boolean tryLock(String what) throws SQLException {
    return "t".equals(single("SELECT pg_try_advisory_lock(hashtextextended(?, 0))", key(what)));
  }

  /** As {@link #tryLock}, together with others who take it so. */
  boolean tryLockShared(String what) throws SQLException {
    return "t"
        .equals(single("SELECT pg_try_advisory_lock_shared(hashtextextended(?, 0))", key(what)));
  }

  void unlock(String what) throws SQLException {
    single("SELECT pg_advisory_unlock(hashtextextended(?, 0))", key(what));
  }

  void unlockShared(String what) throws SQLException {
    single("SELECT pg_advisory_unlock_shared(hashtextextended(?, 0))", key(what));
  }

  private static String key(String what) {
    return "sandpiper " + what;
  }

  boolean exists(String database) throws SQLException {
    return single("SELECT 1 FROM pg_database WHERE datname = ?", database) != null;
  }

  /** The names that begin with a prefix. */
  List<String> databases(String prefix) throws SQLException {
    return column(
        "SELECT datname FROM pg_database WHERE starts_with(datname, ?) ORDER BY datname", prefix);
  }

  /** The number of a database, which no later one of the same name has. */
  String oid(String database) throws SQLException {
    String oid = single("SELECT oid FROM pg_database WHERE datname = ?", database);
    if (oid == null) {
      throw new SQLException("database \"%s\" does not exist".formatted(database), "3D000");
    }
    return oid;
  }

  boolean hasOid(String oid) throws SQLException {
    return single("SELECT 1 FROM pg_database WHERE oid = ?::oid", oid) != null;
  }

  /** Settings of a database, which a copy does not get by itself. */
  List<DatabaseSetting> settings(String oid) throws SQLException {
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT rolname, unnest(setconfig) FROM pg_db_role_setting"
                + " LEFT JOIN pg_roles r ON r.oid = setrole WHERE setdatabase = ?::oid")) {
      query.setString(1, oid);
      try (ResultSet rows = query.executeQuery()) {
        List<DatabaseSetting> settings = new ArrayList<>();
        while (rows.next()) {
          String[] parts = rows.getString(2).split("=", 2);
          settings.add(new DatabaseSetting(rows.getString(1), parts[0], parts[1]));
        }
        return settings;
      }
    }
  }

  /** Gives a database a setting that another one has. */
  void set(String database, DatabaseSetting setting) throws SQLException {
    // The server keeps values as it parsed them, which only this way takes back unchanged.
    single("SELECT set_config(?, ?, false)", setting.name(), setting.value());
    String holder =
        setting.role() == null
            ? "DATABASE " + quoted(database)
            : "ROLE %s IN DATABASE %s".formatted(quoted(setting.role()), quoted(database));
    execute("ALTER %s SET %s FROM CURRENT".formatted(holder, setting.name()));
    execute("RESET " + setting.name());
  }

  /**
   * A setting that belongs to a database.
   *
   * @param role the only role that it is for, or null
   */
  record DatabaseSetting(@Nullable String role, String name, String value) {}

  boolean mayCreate() throws SQLException {
    return single(
            "SELECT 1 FROM pg_roles WHERE rolname = current_user AND (rolcreatedb OR rolsuper)")
        != null;
  }

  /**
   * Who is connected to a database.
   *
   * @param description what the server knows of it
   */
  record ServerSession(int pid, String description) {}

  List<ServerSession> sessions(String database) throws SQLException {
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT pid, format('pid %s, application_name %s, user %s, %s since %s', pid,"
                + " coalesce(nullif(application_name, ''), 'none'), usename,"
                + " coalesce(state, 'state unknown'),"
                + " coalesce(state_change, backend_start)::time(0))"
                + " FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid()"
                // Of other users' sessions a role that is no superuser sees no type.
                + " AND coalesce(backend_type, 'client backend') = 'client backend'"
                + " ORDER BY pid")) {
      query.setString(1, database);
      try (ResultSet rows = query.executeQuery()) {
        List<ServerSession> sessions = new ArrayList<>();
        while (rows.next()) {
          sessions.add(new ServerSession(rows.getInt(1), rows.getString(2)));
        }
        return sessions;
      }
    }
  }

  /** Waits until backends are gone; whether they are. */
  boolean awaitGone(Collection<Integer> pids, Duration limit) throws SQLException {
    long deadline = System.nanoTime() + limit.toNanos();
    Object[] numbers = pids.toArray();
    try (PreparedStatement query =
        connection.prepareStatement(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY (?::int[])")) {
      query.setArray(1, connection.createArrayOf("int4", numbers));
      while (true) {
        try (ResultSet row = query.executeQuery()) {
          row.next();
          if (row.getInt(1) == 0) {
            return true;
          }
        }
        if (System.nanoTime() > deadline) {
          return false;
        }
        LockSupport.parkNanos(LOOK_AGAIN_NANOS);
      }
    }
  }

  void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private @Nullable String single(String sql, String... arguments) throws SQLException {
    List<String> values = column(sql, arguments);
    return values.isEmpty() ? null : values.get(0);
  }

  private List<String> column(String sql, String... arguments) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement(sql)) {
      for (int i = 0; i < arguments.length; i++) {
        query.setString(i + 1, arguments[i]);
      }
      try (ResultSet rows = query.executeQuery()) {
        List<String> values = new ArrayList<>();
        while (rows.next()) {
          values.add(rows.getString(1));
        }
        return values;
      }
    }
  }

  static String quoted(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
