package io.sandpiper.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** What is known of a database, until somebody may have changed it. Safe for several threads. */
final class Facts {

  private volatile @Nullable DatabaseFacts known;

  /** What is known, read through a connection of the database where nothing is. */
  DatabaseFacts get(Connection connection) throws SQLException {
    DatabaseFacts seen = known;
    if (seen == null) {
      seen = DatabaseFacts.read(connection);
      known = seen;
    }
    return seen;
  }

  /** Somebody has had access who may have changed the schema. */
  void forget() {
    known = null;
  }
}
