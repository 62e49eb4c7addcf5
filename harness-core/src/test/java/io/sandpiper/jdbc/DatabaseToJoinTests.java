package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Arrival;
import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Propagation;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which database other processes are told of, and that they can join the test in it. */
@Timeout(60)
class DatabaseToJoinTests {

  private static final String PROPERTY = "sandpiper.propagate-database";

  private final List<Sandbox> open = new ArrayList<>();
  private JdbcFixture db;

  @BeforeEach
  void open() throws Exception {
    db = new JdbcFixture(name -> name.equals(PROPERTY) ? "true" : System.getProperty(name));
  }

  @AfterEach
  void close() throws Exception {
    for (Sandbox sandbox : open) {
      db.run.end(sandbox, null);
    }
    db.close();
  }

  private Sandbox sandbox(Isolation isolation) {
    Sandbox sandbox = db.open("T.test_" + open.size(), isolation);
    open.add(sandbox);
    return sandbox;
  }

  /** What a message of this test carries. */
  private static Map<String, String> stamped(Sandbox sandbox) {
    Map<String, String> headers = new HashMap<>();
    Propagation.inject(sandbox, "a=b", headers::put);
    return headers;
  }

  private static String baggage(Sandbox sandbox) {
    return String.valueOf(stamped(sandbox).get(Propagation.BAGGAGE));
  }

  private List<Integer> rows(Sandbox sandbox) throws Exception {
    return db.in(sandbox, db::ids);
  }

  private static String id(Sandbox sandbox) {
    return "a=b,test.id=" + sandbox.id().value();
  }

  private String joined(Sandbox sandbox) throws Exception {
    return id(sandbox) + ",test.db=" + db.dataSource.databaseName(sandbox);
  }

  /** Inserts as another process does, which knows the server and is told the name. */
  private void insertFromOutside(Sandbox sandbox, int id) throws Exception {
    String name = baggage(sandbox).replaceFirst(".*,test\\.db=", "");
    try (Connection connection =
        DriverManager.getConnection(
            db.named(name).url(), db.database.user(), db.database.password())) {
      JdbcFixture.insert(connection, id);
    }
  }

  @Test
  void a_message_names_the_database_that_the_test_has_used() throws Exception {
    Sandbox sandbox = sandbox(Isolation.DATABASE);
    db.in(sandbox, db::ids);
    assertThat(baggage(sandbox)).isEqualTo(joined(sandbox));
  }

  @Test
  void a_message_names_the_database_before_the_test_has_used_it() throws Exception {
    Sandbox sandbox = sandbox(Isolation.DATABASE);
    db.dataSource.offerTo(sandbox);
    assertThat(baggage(sandbox)).isEqualTo(joined(sandbox));
    insertFromOutside(sandbox, 1);
    assertThat(rows(sandbox)).containsExactly(1);
  }

  @Test
  void nothing_but_the_name_travels() {
    Sandbox sandbox = sandbox(Isolation.DATABASE);
    db.dataSource.offerTo(sandbox);
    Map<String, String> headers = stamped(sandbox);
    assertThat(headers).containsOnlyKeys(Propagation.HEADER, Propagation.BAGGAGE);
    assertThat(headers.get(Propagation.BAGGAGE))
        .matches("a=b,test\\.id=[A-Za-z0-9._~-]+,test\\.db=sp_c_[0-9a-z_]+");
  }

  @Test
  void it_is_off_unless_asked_for() throws Exception {
    try (JdbcFixture off = new JdbcFixture()) {
      Sandbox sandbox = off.open("T.off", Isolation.DATABASE);
      off.dataSource.offerTo(sandbox);
      off.in(sandbox, off::ids);
      assertThat(baggage(sandbox)).isEqualTo(id(sandbox));
      off.run.end(sandbox, null);
    }
  }

  @Test
  void tests_of_other_isolations_name_none() throws Exception {
    for (Isolation isolation : List.of(Isolation.TRANSACTION, Isolation.NONE)) {
      Sandbox sandbox = sandbox(isolation);
      db.dataSource.offerTo(sandbox);
      db.in(sandbox, db::ids);
      assertThat(baggage(sandbox)).isEqualTo(id(sandbox));
    }
  }

  @Test
  void tests_at_once_each_name_their_own_and_find_only_what_others_wrote_there() throws Exception {
    int tests = 6;
    ExecutorService threads = Executors.newFixedThreadPool(tests);
    CountDownLatch allSent = new CountDownLatch(tests);
    try {
      List<Future<String>> names = new ArrayList<>();
      for (int i = 0; i < tests; i++) {
        int number = i;
        Sandbox sandbox = sandbox(Isolation.DATABASE);
        db.dataSource.offerTo(sandbox);
        names.add(
            threads.submit(
                () -> {
                  insertFromOutside(sandbox, number);
                  allSent.countDown();
                  assertThat(allSent.await(30, TimeUnit.SECONDS)).isTrue();
                  assertThat(rows(sandbox)).containsExactly(number);
                  return baggage(sandbox);
                }));
      }
      HashSet<String> different = new HashSet<>();
      for (Future<String> name : names) {
        different.add(name.get(30, TimeUnit.SECONDS));
      }
      assertThat(different).hasSize(tests);
    } finally {
      threads.shutdownNow();
    }
    assertThat(db.committed()).isEmpty();
  }

  @Test
  void threads_that_send_first_name_one_database() throws Exception {
    Sandbox sandbox = sandbox(Isolation.DATABASE);
    db.dataSource.offerTo(sandbox);
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<String>> sent = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        sent.add(threads.submit(() -> baggage(sandbox)));
      }
      for (Future<String> one : sent) {
        assertThat(one.get(30, TimeUnit.SECONDS)).isEqualTo(joined(sandbox));
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void of_several_databases_the_only_one_in_use_is_named_and_else_none() throws Exception {
    try (JdbcFixture second =
        new JdbcFixture(name -> name.equals(PROPERTY) ? "true" : System.getProperty(name))) {
      Sandbox sandbox = sandbox(Isolation.DATABASE);
      db.dataSource.offerTo(sandbox);
      second.dataSource.offerTo(sandbox);
      assertThat(baggage(sandbox)).isEqualTo(id(sandbox));
      assertThat(sandbox.journal().entries().toString())
          .contains("sent without the name of a database: there are 2, and none is used yet");

      second.in(sandbox, second::ids);
      assertThat(baggage(sandbox))
          .isEqualTo(id(sandbox) + ",test.db=" + second.dataSource.databaseName(sandbox));

      db.in(sandbox, db::ids);
      assertThat(baggage(sandbox)).isEqualTo(id(sandbox));
    }
  }

  @Test
  void a_message_is_not_sent_where_its_database_cannot_be_made() throws Exception {
    rows(sandbox(Isolation.DATABASE));
    Sandbox sandbox = sandbox(Isolation.DATABASE);
    db.dataSource.offerTo(sandbox);
    db.dataSource.close();
    assertThatThrownBy(() -> stamped(sandbox))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("Not sent, because sandbox of " + sandbox.testName())
        .hasMessageContaining("sandpiper.propagate-database")
        .hasMessageContaining("The DataSource is closed");
  }

  @Test
  void a_late_message_still_names_the_database_that_is_gone() throws Exception {
    Sandbox sandbox = sandbox(Isolation.DATABASE);
    db.in(sandbox, db::ids);
    String during = baggage(sandbox);
    db.run.end(sandbox, null);
    open.remove(sandbox);
    assertThat(baggage(sandbox)).isEqualTo(during);
  }

  @Test
  void a_late_message_of_a_test_without_a_database_is_not_sent() {
    Sandbox sandbox = sandbox(Isolation.DATABASE);
    db.dataSource.offerTo(sandbox);
    db.run.end(sandbox, null);
    open.remove(sandbox);
    assertThatThrownBy(() -> stamped(sandbox))
        .isInstanceOf(IllegalStateException.class)
        .hasCauseInstanceOf(SandboxEndedException.class);
  }

  @Test
  void a_name_that_arrives_leads_nowhere() throws Exception {
    Sandbox mine = sandbox(Isolation.DATABASE);
    Sandbox other = sandbox(Isolation.DATABASE);
    String others = db.in(other, () -> db.dataSource.databaseName(other));
    Hop.Content reply =
        new Hop.Content(
            Hop.Direction.RECEIVED,
            "replies",
            null,
            Map.of(Propagation.BAGGAGE, id(mine) + ",test.db=" + others),
            new byte[0],
            Hop.Ids.NONE);
    Work work = ((Arrival.Accepted) db.run.arrive(reply, "listener replies")).work();
    try (Scope scope = work.bind()) {
      db.execute("INSERT INTO item (id, name) VALUES (7, 'x')");
      assertThat(baggage(work.sandbox())).isEqualTo(joined(mine));
    } finally {
      work.finish(null);
    }
    assertThat(rows(mine)).containsExactly(7);
    assertThat(rows(other)).isEmpty();

    Hop.Content forged =
        new Hop.Content(
            Hop.Direction.RECEIVED,
            "replies",
            null,
            Map.of(Propagation.BAGGAGE, "test.db=" + others),
            new byte[0],
            Hop.Ids.NONE);
    assertThat(db.run.arrive(forged, "listener replies")).isInstanceOf(Arrival.Unknown.class);
  }
}
