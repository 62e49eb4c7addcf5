package io.sandpiper.jdbc;

import io.sandpiper.Run;
import java.sql.Connection;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** The connections of a pool, whose database the leak check looks at where that is on. */
final class CheckedPool implements CheckedDatabase.Source {

  private final SandboxDataSource.Rules rules;
  private final ConnectionRoom room;
  private final @Nullable LeakCheck leakCheck;
  private final @Nullable CheckedDatabase database;

  CheckedPool(SandboxDataSource.Rules rules, ConnectionRoom room, Run run) {
    this.rules = rules;
    this.room = room;
    this.leakCheck = rules.leakCheck() ? LeakCheck.of(run) : null;
    Destination destination = room.destination();
    this.database =
        leakCheck == null || destination == null ? null : leakCheck.database(destination, this);
  }

  /** A connection for somebody who may write what stays. */
  Connection connection() throws SQLException {
    LeakCheck check = leakCheck;
    if (check == null) {
      return room.pooledConnection();
    }
    CheckedDatabase known = database;
    if (known != null) {
      return check.setUp(known, room::pooledConnection);
    }
    Connection connection = room.pooledConnection();
    Destination destination =
        connection.isWrapperFor(SandboxedConnection.class) ? null : Destination.of(connection);
    return destination == null
        ? connection
        : check.setUp(check.database(destination, this), () -> connection);
  }

  @Override
  public boolean settingUp() {
    return rules.settingUp().getAsBoolean();
  }

  @Override
  public void ask(CheckedDatabase.Question question) throws SQLException {
    room.ask(question);
  }

  void close() {
    if (leakCheck != null) {
      leakCheck.remove(this);
    }
  }
}
