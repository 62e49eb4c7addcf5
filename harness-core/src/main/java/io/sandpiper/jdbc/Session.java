package io.sandpiper.jdbc;

import io.sandpiper.jdbc.SqlText.Trait;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.postgresql.core.NativeQuery;
import org.postgresql.core.QueryExecutor;
import org.postgresql.core.ResultHandlerBase;
import org.postgresql.core.SqlCommand;
import org.postgresql.core.TransactionState;
import org.postgresql.jdbc.PgConnection;
import org.postgresql.util.HostSpec;

/**
 * The one transaction of a sandbox on its physical connection: how it begins, what of it would
 * outlive its rollback, and how it ends. Used under the wire.
 */
final class Session {

  private static final Set<String> THIS_MACHINE = Set.of("127.0.0.1", "::1", "[::1]");
  private static final String MARKER = "application_name";
  private static final int TRANSACTION_TIMEOUT_SINCE = 170000;
  private static final String TRANSACTION =
      "SELECT virtualtransaction FROM pg_locks"
          + " WHERE pid = pg_backend_pid() AND locktype = 'virtualxid'";

  private static final int AS_ONE_MESSAGE =
      QueryExecutor.QUERY_EXECUTE_AS_SIMPLE
          | QueryExecutor.QUERY_NO_METADATA
          | QueryExecutor.QUERY_NO_RESULTS;

  private final PgConnection pg;
  private final String applicationName;
  private final Set<Trait> traits = EnumSet.noneOf(Trait.class);
  private String marker;
  private @Nullable String transaction;
  private @Nullable String schema;
  private @Nullable String firstPath;
  private long sent;
  private boolean begun;
  private boolean marked;
  private boolean changedRaw;
  private boolean unlockAdvisory;

  private Session(PgConnection pg, String marker) {
    this.pg = pg;
    this.applicationName = Objects.requireNonNullElse(pg.getParameterStatus(MARKER), "");
    this.marker = marker;
  }

  /**
   * Gives a connection that only sandboxes use the settings that all of them want. A lock is not
   * waited for without end, unless the application has chosen a time itself.
   */
  static void prepare(Connection connection, Duration lockTimeout) throws SQLException {
    // The driver asks the server once, which must not happen between the calls of a lease.
    connection.getCatalog();
    try (Statement statement = connection.createStatement()) {
      statement.execute(
          settings("", connection.unwrap(PgConnection.class), lockTimeout)
              + ";SET default_transaction_isolation='read committed'"
              + ";SET default_transaction_read_only=off");
    }
  }

  private static String settings(String scope, PgConnection pg, Duration lockTimeout) {
    return "SET %1$sidle_in_transaction_session_timeout=0%2$s;SELECT set_config('lock_timeout',%3$s)"
        .formatted(
            scope,
            pg.haveMinimumServerVersion(TRANSACTION_TIMEOUT_SINCE)
                ? ";SET %stransaction_timeout=0".formatted(scope)
                : "",
            "CASE current_setting('lock_timeout') WHEN '0' THEN '%d'"
                    .formatted(lockTimeout.toMillis())
                + " ELSE current_setting('lock_timeout') END,"
                + !scope.isEmpty());
  }

  /**
   * Makes ready for the transaction, which the driver begins with the first statement, in the same
   * round trip.
   *
   * @param number tells the sandboxes of a run apart
   * @param prepared whether the connection went through {@link #prepare}
   * @param lockTimeout how long a lock is waited for; zero for without end
   */
  static Session begin(PgConnection pg, long number, boolean prepared, Duration lockTimeout)
      throws SQLException {
    if (!prepared) {
      pg.getCatalog();
    }
    Session session = new Session(pg, "sp:" + number);
    pg.setAutoCommit(false);
    if (!prepared) {
      session.send(
          "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;"
              + settings("LOCAL ", pg, lockTimeout));
    }
    return session;
  }

  PgConnection pg() {
    return pg;
  }

  /** The server that it leads to; all names of this machine are one. */
  String server() {
    HostSpec host = pg.getQueryExecutor().getHostSpec();
    return (THIS_MACHINE.contains(host.getHost()) ? "localhost" : host.getHost())
        + ":"
        + host.getPort();
  }

  /** The name that the connection gave for its application before the sandbox did. */
  String applicationName() {
    return applicationName;
  }

  /** Takes note of what the database asks for. */
  void expect(DatabaseFacts facts) throws SQLException {
    unlockAdvisory = facts.advisoryLocks();
    if (facts.lockTimeouts()) {
      traits.add(Trait.SETS_LOCK_TIMEOUT);
    }
    if (facts.applicationNames()) {
      identify();
    }
  }

  /** How often something of our own was sent. */
  long sent() {
    return sent;
  }

  /** Sends one or more statements as one message, which is all the server has to read. */
  void send(String sql) throws SQLException {
    sent++;
    QueryExecutor executor = pg.getQueryExecutor();
    executor.execute(
        executor.wrap(List.of(new NativeQuery(sql, SqlCommand.BLANK))),
        null,
        new OnlyErrors(),
        0,
        0,
        AS_ONE_MESSAGE);
  }

  /** What comes back of our own SQL is of no interest unless it has failed. */
  private static final class OnlyErrors extends ResultHandlerBase {

    @Override
    public void handleWarning(SQLWarning warning) {}
  }

  /** Sends something and reads the one value of its one query. */
  String ask(String sql) throws SQLException {
    sent++;
    try (Statement statement = pg.createStatement()) {
      for (boolean rows = statement.execute(sql); !rows; rows = statement.getMoreResults()) {
        if (statement.getUpdateCount() < 0) {
          throw new SQLException("No value came back for: " + sql);
        }
      }
      try (ResultSet row = statement.getResultSet()) {
        row.next();
        return row.getString(1);
      }
    }
  }

  boolean failed() {
    return pg.getTransactionState() == TransactionState.FAILED;
  }

  /** Takes note of a text that is about to be sent. */
  void note(SqlText sql) throws SQLException {
    for (Trait trait : Trait.values()) {
      if (sql.has(trait)) {
        traits.add(trait);
      }
    }
    if (sql.has(Trait.SETS_APPLICATION_NAME) && !failed()) {
      identify();
    }
  }

  boolean has(Trait trait) {
    return traits.contains(trait);
  }

  /**
   * Sets the search path that a connection of the application has asked for.
   *
   * @param schema the schema, or null for the path that the connection was opened with
   */
  void useSchema(@Nullable String schema) throws SQLException {
    if (Objects.equals(schema, this.schema) || failed()) {
      return;
    }
    String first = firstPath;
    if (first == null) {
      first = ask("SELECT current_setting('search_path')");
      firstPath = first;
    }
    sent++;
    try (PreparedStatement set =
        pg.prepareStatement(
            "SELECT set_config('search_path', %s, false)"
                .formatted(schema == null ? "?" : "quote_ident(?)"))) {
      set.setString(1, schema == null ? first : schema);
      set.execute();
    }
    this.schema = schema;
  }

  /** Some of what was set may be undone by a rollback to a savepoint. */
  void wentBack() {
    wentBackInPart();
    if (firstPath != null) {
      schema = "";
    }
  }

  /** The marker may be gone with what came after a savepoint of the application. */
  void wentBackInPart() {
    marked = false;
  }

  /** What the driver keeps of its own was changed, so the connection is not for others. */
  void changedRaw() {
    changedRaw = true;
  }

  private void identify() throws SQLException {
    if (transaction == null) {
      transaction = ask(TRANSACTION);
    }
  }

  /**
   * Makes sure that an end of the transaction will be noticed, before a text is sent that has the
   * words for it: sets a marker for this transaction alone. The server reports the setting by
   * itself, so to look for it costs no round trip.
   */
  void mark(SqlText sql) throws SQLException {
    if (marked || !sql.has(Trait.LOOKS_LIKE_CONTROL) || failed()) {
      return;
    }
    send("SET LOCAL %s='%s'".formatted(MARKER, marker));
    marked = true;
    begun = true;
  }

  /** Whether the transaction has ended without us. */
  boolean escaped() throws SQLException {
    TransactionState state = pg.getTransactionState();
    if (state == TransactionState.IDLE) {
      return begun;
    }
    begun = true;
    return marked && state == TransactionState.OPEN && !isMarked();
  }

  private boolean isMarked() throws SQLException {
    String reported = pg.getParameterStatus(MARKER);
    if (marker.equals(reported)) {
      return true;
    }
    if (reported == null || transaction == null || !transaction.equals(ask(TRANSACTION))) {
      return false;
    }
    marker = reported;
    return true;
  }

  /** Rolls back, and undoes what a rollback leaves, in one round trip. */
  void rollBack() throws SQLException {
    String hygiene =
        (unlockAdvisory || has(Trait.ADVISORY_LOCK) ? ";SELECT pg_advisory_unlock_all()" : "")
            + (has(Trait.PREPARES) ? ";DEALLOCATE ALL" : "");
    if (hygiene.isEmpty()) {
      pg.rollback();
    } else {
      send("ROLLBACK" + hygiene);
    }
    pg.setAutoCommit(true);
  }

  /** Whether the next sandbox may have the connection. */
  boolean reusable() {
    return !changedRaw && !has(Trait.DEFINES_TYPES);
  }
}
