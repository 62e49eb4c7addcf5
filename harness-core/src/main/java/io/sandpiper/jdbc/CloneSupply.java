package io.sandpiper.jdbc;

import io.sandpiper.Sandbox;
import java.sql.SQLException;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** The clones of a pool's database, looked for when the first test asks for one. */
final class CloneSupply {

  private final DataSource pool;
  private final ConnectionRoom room;
  private final CloneSettings settings;
  private final AtomicLong setUps;
  private final AtomicReference<@Nullable Clones> clones = new AtomicReference<>();

  CloneSupply(DataSource pool, ConnectionRoom room, CloneSettings settings) {
    this.pool = pool;
    this.room = room;
    this.settings = settings;
    Destination destination = room.destination();
    this.setUps = destination == null ? new AtomicLong() : room.servers().setUps(destination);
  }

  Clones of(Sandbox sandbox) throws SQLException {
    Clones made = made();
    sandbox.run().shared(OpenClones.class, OpenClones::new).add(made);
    return made;
  }

  /** Makes the template now. */
  void prepareTemplate() throws SQLException {
    made().prepareTemplate();
  }

  /** Somebody may have changed what clones are copied from, of whatever pool that leads there. */
  void touched() {
    if (room.mustAsk()) {
      room.servers().setUpAnywhere();
    } else {
      setUps.incrementAndGet();
    }
  }

  private Clones made() throws SQLException {
    Clones known = clones.get();
    if (known != null) {
      return known;
    }
    Clones made = make();
    Clones first = clones.compareAndExchange(null, made);
    return first == null ? made : first;
  }

  private Clones make() throws SQLException {
    DatabaseAddress address = DatabaseAddress.of(pool, room.hikari());
    if (address == null) {
      throw new SandboxException(
          ("Isolation DATABASE needs a HikariDataSource with a jdbcUrl of PostgreSQL or one of"
                  + " pgjdbc's DataSources, to know where and as whom to connect, and has %s. Use"
                  + " one of these in tests, or isolation TRANSACTION.")
              .formatted(pool),
          SandboxException.NOT_SUPPORTED);
    }
    String token = UUID.randomUUID().toString().replace("-", "").substring(0, 12);
    return new Clones(
        new CloneFactory(
            new CloneServer(room, address), token, settings.sequencesApart(), setUps::get),
        settings.ahead());
  }

  void close() throws SQLException {
    Clones known = clones.get();
    if (known != null) {
      known.close();
    }
  }
}
