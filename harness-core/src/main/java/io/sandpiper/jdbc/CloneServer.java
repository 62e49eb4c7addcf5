package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.jspecify.annotations.Nullable;

/**
 * The server of a pool's database, for those who make databases on it. Every connection to it
 * counts like one that a sandbox holds.
 */
final class CloneServer {

  private static final int POOL_SIZE = 10;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final ConnectionRoom room;
  private final DatabaseAddress address;
  private final Deque<Maintenance> idle = new ConcurrentLinkedDeque<>();

  CloneServer(ConnectionRoom room, DatabaseAddress address) {
    this.room = room;
    this.address = address;
  }

  ConnectionRoom room() {
    return room;
  }

  DatabaseAddress address() {
    return address;
  }

  /** How many connections one user of a database may have, as the application's pool says. */
  int maximumPoolSize() {
    HikariDataSource hikari = room.hikari();
    return hikari == null ? POOL_SIZE : hikari.getMaximumPoolSize();
  }

  /** How long somebody waits for others to return their connections. */
  Duration patience() {
    long limit = room.limitMillis();
    return limit > 0 ? Duration.ofMillis(limit) : PATIENCE;
  }

  /** Opens a connection of an application; to be given to {@link #close}. */
  PhysicalConnection open(String database) throws SQLException {
    return physical(() -> address.named(database).getConnection());
  }

  /** As {@link #open}, to the application's own database. */
  PhysicalConnection openSource() throws SQLException {
    return physical(() -> address.own().getConnection());
  }

  private PhysicalConnection physical(SqlCall<Connection> opening) throws SQLException {
    return counted(
        () -> {
          Connection connection = opening.call();
          try {
            room.prepare(connection);
            return new PhysicalConnection(connection);
          } catch (SQLException | RuntimeException | Error failed) {
            connection.close();
            throw failed;
          }
        });
  }

  private <T> T counted(SqlCall<T> opening) throws SQLException {
    room.reserve();
    try {
      return opening.call();
    } catch (SQLException | RuntimeException | Error failed) {
      room.release();
      throw failed;
    }
  }

  void close(PhysicalConnection connection) {
    connection.close();
    room.release();
  }

  /** Opens a session in the maintenance database; to be given to {@link #close}. */
  Maintenance openMaintenance() throws SQLException {
    return counted(() -> Maintenance.on(address.named(Maintenance.DATABASE).getConnection()));
  }

  void close(Maintenance session) throws SQLException {
    room.release();
    session.close();
  }

  /** Does something in the maintenance database. */
  <T extends @Nullable Object> T maintain(MaintenanceCall<T> call) throws SQLException {
    Maintenance kept = idle.poll();
    Maintenance session = kept == null ? openMaintenance() : kept;
    try {
      T result = call.call(session);
      idle.push(session);
      return result;
    } catch (SQLException | RuntimeException | Error failed) {
      // Whether the session is still good is not worth finding out.
      try {
        close(session);
      } catch (SQLException alsoFailed) {
        failed.addSuppressed(alsoFailed);
      }
      throw failed;
    }
  }

  /** Closes the sessions that nobody uses. */
  void closeIdle() throws SQLException {
    for (Maintenance session = idle.poll(); session != null; session = idle.poll()) {
      close(session);
    }
  }

  /** Something to do in the maintenance database. */
  @FunctionalInterface
  interface MaintenanceCall<T extends @Nullable Object> {

    T call(Maintenance session) throws SQLException;
  }
}
