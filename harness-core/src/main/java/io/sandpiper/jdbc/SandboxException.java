package io.sandpiper.jdbc;

import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * A refusal by the sandbox, not by the database.
 *
 * <p>Its SQLStates are of a class of its own, {@code SP}, which no framework takes for an error
 * that is worth a retry.
 */
public class SandboxException extends SQLException {

  private static final long serialVersionUID = 1;

  static final String NOT_SUPPORTED = "SP003";
  static final String WAIT = "SP004";
  static final String ROOM = "SP005";
  static final String CLONE = "SP006";
  static final String LOCK = "SP007";

  SandboxException(String message, String sqlState) {
    super(message, sqlState);
  }

  SandboxException(String message, String sqlState, @Nullable Throwable cause) {
    super(message, sqlState, cause);
  }

  /** The refusal among a throwable and its causes, or null where there is none. */
  public static @Nullable SandboxException in(@Nullable Throwable thrown) {
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof SandboxException found) {
        return found;
      }
    }
    return null;
  }
}
