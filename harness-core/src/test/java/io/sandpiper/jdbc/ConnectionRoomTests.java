package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.postgresql.ds.PGSimpleDataSource;

/** Two pools on one server, which is said to have less room than it has. */
class ConnectionRoomTests {

  private static final int SPARE = 10;
  private static final int ROOM = 4;

  private final Servers servers = new Servers();
  private JdbcFixture one;
  private JdbcFixture other;
  private ConnectionRoom rooms;
  private ConnectionRoom otherRooms;

  @BeforeEach
  void open() throws Exception {
    one = new JdbcFixture();
    other = new JdbcFixture();
    one.pool.setConnectionTimeout(400);
    other.pool.setConnectionTimeout(400);
    rooms = new ConnectionRoom(one.pool, servers, Duration.ofSeconds(10));
    otherRooms = new ConnectionRoom(other.pool, servers, Duration.ofSeconds(10));
    int pools = one.pool.getMaximumPoolSize() + other.pool.getMaximumPoolSize();
    servers.room(Objects.requireNonNull(rooms.destination()).server()).limit(ROOM + SPARE + pools);
  }

  @AfterEach
  void close() throws Exception {
    rooms.close();
    otherRooms.close();
    one.close();
    other.close();
    servers.close();
  }

  /** How many connections sandboxes have open; one too many while a pool opens its own. */
  private int opened() throws Exception {
    int count = 0;
    for (HikariDataSource pool : List.of(one.pool, other.pool)) {
      int pooled = pool.getHikariPoolMXBean().getTotalConnections();
      try (Connection connection =
              DriverManager.getConnection(
                  pool.getJdbcUrl(), pool.getUsername(), pool.getPassword());
          Statement statement = connection.createStatement();
          ResultSet row =
              statement.executeQuery(
                  "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                      + " AND pid <> pg_backend_pid() AND backend_type = 'client backend'")) {
        row.next();
        count += row.getInt(1) - pooled;
      }
    }
    return count;
  }

  /** A fixture has kept one connection for sandboxes of its own, if any. */
  private static List<Connection> take(ConnectionRoom from, int count) throws Exception {
    List<Connection> taken = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      taken.add(from.take(new Object()));
    }
    return taken;
  }

  @Test
  void two_pools_share_the_room_of_their_server() throws Exception {
    List<Connection> first = take(rooms, 2);
    List<Connection> second = take(otherRooms, 2);
    assertThatThrownBy(() -> rooms.take(this))
        .isInstanceOf(SandboxException.class)
        .hasMessageContaining("No connection to ")
        .hasMessageContaining("sandboxes may hold 4 there, beside the 4 of the application's pools")
        .hasMessageContaining("max_connections");
    otherRooms.giveBack(second.get(0));
    Connection fifth = rooms.take(this);
    rooms.giveBack(fifth);
    rooms.giveBack(first.get(0));
    rooms.discard(first.get(1));
    otherRooms.discard(second.get(1));
  }

  @Test
  void an_interrupted_thread_gets_a_free_connection_and_is_told_why_it_got_none() throws Exception {
    Thread.currentThread().interrupt();
    List<Connection> first = take(rooms, 2);
    List<Connection> second = take(otherRooms, 2);
    assertThatThrownBy(() -> rooms.take(this))
        .isInstanceOf(SandboxException.class)
        .hasMessageContaining("Interrupted while waiting for a connection");
    assertThat(Thread.interrupted()).isTrue();
    rooms.giveBack(first.get(0));
    rooms.giveBack(first.get(1));
    otherRooms.giveBack(second.get(0));
    otherRooms.giveBack(second.get(1));
  }

  @Test
  void who_waits_is_served_in_turn_by_whatever_pool_gives_back() throws Exception {
    one.pool.setConnectionTimeout(30_000);
    List<Connection> taken = take(otherRooms, ROOM);
    ExecutorService threads = Executors.newCachedThreadPool();
    try {
      Future<Connection> waiting = threads.submit(() -> rooms.take(this));
      assertThatThrownBy(() -> waiting.get(50, TimeUnit.MILLISECONDS))
          .isInstanceOf(java.util.concurrent.TimeoutException.class);
      otherRooms.giveBack(taken.get(0));
      Connection got = waiting.get(30, TimeUnit.SECONDS);
      rooms.giveBack(got);
    } finally {
      threads.shutdownNow();
    }
    for (Connection connection : taken.subList(1, ROOM)) {
      otherRooms.giveBack(connection);
    }
  }

  @Test
  void kept_connections_of_one_pool_make_room_for_those_of_another() throws Exception {
    for (int round = 0; round < 3; round++) {
      for (ConnectionRoom from : List.of(rooms, otherRooms)) {
        List<Connection> taken = take(from, ROOM);
        for (Connection connection : taken) {
          assertThat(connection.isValid(1)).isTrue();
        }
        for (Connection connection : taken) {
          from.giveBack(connection);
        }
      }
    }
    // A server process ends a little after its connection.
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    int open = opened();
    while (open > ROOM && System.nanoTime() < deadline) {
      open = opened();
    }
    assertThat(open).isLessThanOrEqualTo(ROOM);
  }

  @Test
  void a_pool_that_closes_leaves_its_room_to_others() throws Exception {
    take(rooms, 0);
    Connection connection = rooms.take(this);
    otherRooms.giveBack(otherRooms.take(this));
    otherRooms.close();
    List<Connection> more = take(rooms, ROOM + 1);
    for (Connection each : more) {
      rooms.giveBack(each);
    }
    rooms.giveBack(connection);
  }

  @ParameterizedTest
  @CsvSource({
    "jdbc:postgresql://localhost/db, u, localhost:5432/db as u",
    "jdbc:postgresql:db, u, localhost:5432/db as u",
    "jdbc:postgresql:///db, u, localhost:5432/db as u",
    "jdbc:postgresql://127.0.0.1:5432/db?sslmode=disable, u, localhost:5432/db as u",
    "jdbc:postgresql://[::1]/db?user=u, , localhost:5432/db as u",
    "jdbc:postgresql://DB.example.org:5433/a%20b?user=in+url, u, db.example.org:5433/a b as in url",
    "jdbc:postgresql://h/, u, h:5432/u as u",
    "'jdbc:postgresql://a:1,b:2/db', u, 'a:1,b:2/db as u'",
    "jdbc:p6spy:postgresql://h/db, u, h:5432/db as u"
  })
  void a_url_leads_where_the_driver_goes(String url, String user, String expected) {
    Destination destination = Destination.of(url, user, new Properties(), "");
    assertThat(destination).hasToString(expected);
  }

  @Test
  void sessions_with_another_schema_lead_somewhere_else() {
    Destination plain = Destination.of("jdbc:postgresql://h/db", "u", new Properties(), "");
    assertThat(plain)
        .isEqualTo(
            Destination.of(
                "jdbc:postgresql://h:5432/db?tcpKeepAlive=true&user=u", null, new Properties(), ""))
        .isNotEqualTo(
            Destination.of("jdbc:postgresql://h/db?currentSchema=s", "u", new Properties(), ""))
        .isNotEqualTo(Destination.of("jdbc:postgresql://h/db", "u", new Properties(), "s"));
    assertThat(Destination.of("jdbc:sqlite:file", null, new Properties(), "")).isNull();
  }

  @Test
  void a_data_source_that_is_no_pool_keeps_its_connections_for_the_next_sandbox() throws Exception {
    PGSimpleDataSource simple = new PGSimpleDataSource();
    simple.setUrl(one.pool.getJdbcUrl());
    simple.setUser(one.pool.getUsername());
    simple.setPassword(one.pool.getPassword());
    try (ConnectionRoom unpooled = new ConnectionRoom(simple, servers, Duration.ofSeconds(10))) {
      assertThat(unpooled.destination()).isEqualTo(rooms.destination());
      Connection first = unpooled.take(this);
      unpooled.giveBack(first);
      Connection second = unpooled.take(this);
      assertThat(second).isSameAs(first);
      unpooled.giveBack(second);
    }
  }
}
