package io.sandpiper.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sequences of clones go on in ranges of their own, where they have room. */
class SequencesTests {

  private JdbcFixture db;

  @BeforeEach
  void open() throws Exception {
    db = new JdbcFixture();
  }

  @AfterEach
  void close() throws Exception {
    db.close();
    assertThat(db.databasesForTests()).isEmpty();
  }

  private void setUp(String sql) throws Exception {
    Sandbox.outside(
        () -> {
          db.execute(sql);
          return null;
        });
  }

  private long next(String sequence) throws SQLException {
    try (Connection connection = db.dataSource.getConnection()) {
      return next(connection, sequence);
    }
  }

  private static long next(Connection connection, String sequence) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT nextval('%s')".formatted(sequence))) {
      row.next();
      return row.getLong(1);
    }
  }

  private long nextInClone(String sequence) throws Exception {
    Sandbox sandbox = db.open("T.clone", Isolation.DATABASE);
    try {
      return db.in(sandbox, () -> next(sequence));
    } finally {
      db.run.end(sandbox, null);
    }
  }

  @Test
  void no_block_of_ids_comes_twice_whichever_test_asks() throws Exception {
    setUp("CREATE SEQUENCE ids INCREMENT 50");
    Set<Long> blocks = new HashSet<>();
    int asked = 0;
    for (int round = 0; round < 3; round++) {
      Sandbox transaction = db.open("T.transaction");
      Sandbox one = db.open("T.one", Isolation.DATABASE);
      Sandbox two = db.open("T.two", Isolation.DATABASE);
      for (int i = 0; i < 40; i++) {
        for (Sandbox each : List.of(one, two, transaction)) {
          blocks.add(db.in(each, () -> next("ids")));
          asked++;
        }
      }
      db.run.end(one, null);
      db.run.end(two, null);
      db.run.end(transaction, null);
      // A template of later content begins with a sequence that has gone on.
      setUp("INSERT INTO item (id, name) VALUES (%d, 'x')".formatted(round));
    }
    assertThat(blocks).hasSize(asked).allMatch(id -> id % 50 == 1 && id <= Integer.MAX_VALUE);
  }

  @Test
  void two_pools_on_one_database_share_the_ranges() throws Exception {
    setUp("CREATE SEQUENCE ids INCREMENT 50");
    long first = nextInClone("ids");
    try (JdbcFixture again = JdbcFixture.on(db.database)) {
      Sandbox sandbox = again.open("T.again", Isolation.DATABASE);
      long second =
          again.in(
              sandbox,
              () -> {
                try (Connection connection = again.dataSource.getConnection()) {
                  return next(connection, "ids");
                }
              });
      again.run.end(sandbox, null);
      assertThat(second).isNotEqualTo(first);
    }
  }

  @Test
  void a_template_that_an_earlier_run_made_is_of_an_earlier_sequence() throws Exception {
    setUp("CREATE SEQUENCE ids");
    nextInClone("ids");
    db.close();
    JdbcFixture later = db.inLaterRun();
    try (Connection connection = later.pool.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute("SELECT setval('ids', 5000000)");
    }
    db = later;
    assertThat(nextInClone("ids")).isGreaterThan(5_000_000 + 10_000);
    assertThat(db.templates()).hasSize(1);
  }

  @Test
  void a_test_that_asks_for_its_ids_finds_a_session_that_has_none() throws Exception {
    setUp("CREATE TABLE owned (id int GENERATED ALWAYS AS IDENTITY, small smallserial)");
    Sandbox sandbox = db.open("T.clone", Isolation.DATABASE);
    db.in(
        sandbox,
        () -> {
          try (Connection connection = db.dataSource.getConnection();
              Statement statement = connection.createStatement()) {
            statement.execute("INSERT INTO owned DEFAULT VALUES");
            try (ResultSet row =
                statement.executeQuery("SELECT id, small, currval('owned_id_seq') FROM owned")) {
              row.next();
              assertThat(row.getInt(1)).isGreaterThan(10_000).isEqualTo(row.getInt(3));
              assertThat(row.getInt(2)).isEqualTo(1);
            }
          }
          return null;
        });
    db.run.end(sandbox, null);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          CREATE SEQUENCE s                                                        |          1 | true
          CREATE SEQUENCE s START 700 INCREMENT 10                                 |        700 | true
          CREATE SEQUENCE s CYCLE                                                  |          1 | true
          CREATE SEQUENCE s CACHE 20                                               |          1 | true
          CREATE SEQUENCE s INCREMENT -50                                          |         -1 | true
          CREATE SEQUENCE s INCREMENT -50 MINVALUE -4000000                        |         -1 | false
          CREATE SEQUENCE s AS int                                                 |          1 | true
          CREATE SEQUENCE s AS smallint                                            |          1 | false
          CREATE SEQUENCE s MAXVALUE 99999                                         |          1 | false
          CREATE SEQUENCE s START 3000000000                                       | 3000000000 | true
          CREATE SEQUENCE s START 9223372036854775807                              | 9223372036854775807 | false
          CREATE SEQUENCE s INCREMENT 9223372036854775807                          |          1 | false
          CREATE SEQUENCE s INCREMENT -9223372036854775808 START -1                |         -1 | false
          CREATE SEQUENCE s MINVALUE -9223372036854775808 START -9223372036854775808 | -9223372036854775808 | false
          CREATE SEQUENCE s START 2147000000; CREATE TABLE t (id int DEFAULT nextval('s')) | 2147000000 | false
          CREATE SEQUENCE s; CREATE TABLE t (id smallint DEFAULT nextval('s'))     |          1 | false
          CREATE SEQUENCE s; CREATE TABLE t (id varchar(6) DEFAULT concat('N', nextval('s'))) |     1 | false
          CREATE SEQUENCE s; CREATE TABLE t (id bigint); ALTER SEQUENCE s OWNED BY t.id |     1 | true
          CREATE SEQUENCE s; CREATE DOMAIN n AS smallint; CREATE TABLE t (id n DEFAULT nextval('s')) | 1 | false
          CREATE SEQUENCE s MAXVALUE 6; SELECT setval('s', 5)                      |          6 | false
          """)
  void a_sequence_is_moved_where_it_has_room(String sql, long next, boolean moved)
      throws Exception {
    setUp(sql);
    long given = nextInClone("s");
    if (moved) {
      assertThat(Math.abs(given - next)).isGreaterThanOrEqualTo(10_000);
    } else {
      assertThat(given).isEqualTo(next);
    }
  }

  @Test
  void where_ranges_have_run_out_the_oldest_are_used_again() throws Exception {
    setUp("CREATE SEQUENCE few MAXVALUE 1020000");
    try (Connection connection = db.pool.getConnection()) {
      Sequences sequences = Sequences.of(connection);
      assertThat(sequences.all()).hasSize(1);
      Set<Long> given = new HashSet<>();
      for (long clone = 1; clone <= 250; clone++) {
        sequences.move(connection, clone);
        given.add(next(connection, "few"));
      }
      assertThat(given).hasSize(100).allMatch(value -> value > 10_000 && value <= 1_000_001);
    }
  }

  @Test
  void sequences_that_the_application_may_not_set_stay() throws Exception {
    setUp("CREATE SEQUENCE theirs; CREATE SEQUENCE ours; CREATE SCHEMA hidden");
    setUp("CREATE SEQUENCE hidden.unknown");
    try (JdbcFixture app = JdbcFixture.on(db.withRole("CREATEDB"))) {
      setUp("GRANT USAGE, SELECT ON SEQUENCE theirs TO PUBLIC");
      setUp("GRANT ALL ON SEQUENCE ours TO PUBLIC");
      try (Connection connection = app.pool.getConnection()) {
        assertThat(Sequences.of(connection).all())
            .extracting(Sequences.Sequence::name)
            .containsExactly("public.ours");
      }
    }
  }
}
