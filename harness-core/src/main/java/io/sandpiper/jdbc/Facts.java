package io.sandpiper.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** What is known of a database, until somebody may have changed it. Safe for several threads. */
final class Facts {

  private final AtomicLong changes = new AtomicLong();
  private volatile @Nullable Known known;

  private record Known(DatabaseFacts facts, long changes) {}

  /** What is known, read through a connection of the database where nothing is. */
  DatabaseFacts get(Connection connection) throws SQLException {
    Known seen = known;
    long now = changes.get();
    if (seen == null || seen.changes() != now) {
      // What changes while it is read is read again by the next one.
      seen = new Known(DatabaseFacts.read(connection), now);
      known = seen;
    }
    return seen.facts();
  }

  /** Somebody has had access who may have changed the schema. */
  void forget() {
    changes.incrementAndGet();
  }
}
