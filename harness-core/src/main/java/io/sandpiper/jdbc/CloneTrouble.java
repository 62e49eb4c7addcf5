package io.sandpiper.jdbc;

import java.sql.SQLException;
import java.util.Objects;

/** Says what to do about errors of the server while databases for tests are made. */
final class CloneTrouble {

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

  private static String remedy(@org.jspecify.annotations.Nullable String sqlState) {
    String state = Objects.requireNonNullElse(sqlState, "");
    return switch (state) {
      case "42501" ->
          "Isolation DATABASE needs a role with CREATEDB that owns the application's database.";
      case "53100", "53200" ->
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
