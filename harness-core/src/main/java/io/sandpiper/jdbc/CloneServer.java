package io.sandpiper.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.jspecify.annotations.Nullable;

/**
 * The server of a pool's database, for those who make databases on it. Every connection to it
 * counts like one that a sandbox holds.
 */
final class CloneServer implements ServerRoom.Keeper {

  private static final int POOL_SIZE = 10;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final ConnectionRoom room;
  private final DatabaseAddress address;
  private final Deque<Maintenance> idle = new ConcurrentLinkedDeque<>();
  private final Set<CloneDatabase> databases = ConcurrentHashMap.newKeySet();

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
    return counted(() -> openReserved(database));
  }

  /** Does something with the room for one connection that is not counted when it is opened. */
  <T extends @Nullable Object> T inReservedRoom(SqlCall<T> call) throws SQLException {
    room.reserve();
    try {
      return call.call();
    } finally {
      room.release();
    }
  }

  /** Opens a connection in the room that was reserved; the caller closes it. */
  PhysicalConnection openReserved(String database) throws SQLException {
    return physical(() -> address.named(database).getConnection());
  }

  /** As {@link #openReserved}, to the application's own database. */
  PhysicalConnection openSource() throws SQLException {
    return physical(() -> address.own().getConnection());
  }

  private PhysicalConnection physical(SqlCall<Connection> opening) throws SQLException {
    Connection connection = room.patiently(opening);
    try {
      room.prepare(connection);
      return new PhysicalConnection(connection);
    } catch (SQLException | RuntimeException | Error failed) {
      connection.close();
      throw failed;
    }
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
    return counted(
        () -> Maintenance.on(room.patiently(address.named(Maintenance.DATABASE)::getConnection)));
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
      keep(session);
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

  private void keep(Maintenance session) throws SQLException {
    if (isWanted()) {
      close(session);
    } else {
      idle.push(session);
    }
  }

  /** Whether somebody waits for a connection that another one keeps without using it. */
  boolean isWanted() {
    return room.isWanted();
  }

  /** From now on a database gives up what it does not use while others wait. */
  void opened(CloneDatabase database) {
    if (databases.isEmpty()) {
      room.keeper(this);
    }
    databases.add(database);
  }

  void closed(CloneDatabase database) {
    databases.remove(database);
  }

  @Override
  public boolean giveUpOne() throws SQLException {
    Maintenance session = idle.poll();
    if (session != null) {
      close(session);
      return true;
    }
    for (CloneDatabase database : databases) {
      if (database.giveUpOne()) {
        return true;
      }
    }
    return false;
  }

  /** Closes the sessions that nobody uses. */
  void closeIdle() throws SQLException {
    room.noKeeper(this);
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
