package io.sandpiper.jdbc;

import java.sql.SQLException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Says what to do about errors of the server while databases for tests are made. */
final class CloneTrouble {

  private static final String DISK_FULL = "53100";

  private CloneTrouble() {}

  /**
   * @param doing what could not be done, such as {@code make database x}
   */
  static SandboxException explain(String doing, SQLException failed) {
    if (failed instanceof SandboxException explained) {
      return explained;
    }
    return new SandboxException(
        "The server could not %s: %s. %s"
            .formatted(doing, failed.getMessage(), remedy(failed.getSQLState())),
        SandboxException.CLONE,
        failed);
  }

  /** Whether there may be room again once a database has been dropped. */
  static boolean isDiskFull(SQLException failed) {
    return DISK_FULL.equals(failed.getSQLState())
        || (failed.getCause() instanceof SQLException cause && isDiskFull(cause));
  }

  private static String remedy(@Nullable String sqlState) {
    String state = Objects.requireNonNullElse(sqlState, "");
    return switch (state) {
      case "42501" ->
          "Isolation DATABASE needs a role with CREATEDB that owns the application's database.";
      case DISK_FULL, "53200" ->
          "Each test of isolation DATABASE has a copy of the application's database: free disk,"
              + " make its content smaller, lower sandpiper.database.clones, or run fewer such"
              + " tests at once.";
      case "53300" ->
          "Each test of isolation DATABASE holds connections of its own: raise the server's"
              + " max_connections, lower sandpiper.database.clones, or run fewer tests at once.";
      case "55006" ->
          "Somebody is connected to the database that is to be copied: close that connection.";
      case "3D000" ->
          "It has been dropped by somebody else: let no two runs without locks in common clean up"
              + " one server.";
      default ->
          state.startsWith("08") || state.startsWith("57P")
              ? "The server is gone or restarts: look at its log."
              : "Look at the server's log, or use isolation TRANSACTION.";
    };
  }
}
