package io.sandpiper.jdbc.frameworks;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandboxed;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.ibatis.annotations.Delete;
import org.apache.ibatis.annotations.Insert;
import org.apache.ibatis.annotations.Mapper;
import org.apache.ibatis.annotations.Options;
import org.apache.ibatis.annotations.Select;
import org.apache.ibatis.annotations.SelectKey;
import org.apache.ibatis.annotations.Update;
import org.apache.ibatis.cursor.Cursor;
import org.apache.ibatis.executor.BatchResult;
import org.apache.ibatis.session.ExecutorType;
import org.apache.ibatis.session.SqlSession;
import org.apache.ibatis.session.SqlSessionFactory;
import org.mybatis.spring.SqlSessionTemplate;
import org.mybatis.spring.annotation.MapperScan;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.data.jdbc.autoconfigure.DataJdbcRepositoriesAutoConfiguration;
import org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration;
import org.springframework.boot.flyway.autoconfigure.FlywayAutoConfiguration;
import org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration;
import org.springframework.boot.jooq.autoconfigure.JooqAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.test.context.TestPropertySource;

/** MyBatis, with Spring's transactions and with a session of its own. */
@SpringBootTest(classes = MybatisSuite.Application.class)
@TestPropertySource(
    properties = {
      "spring.sql.init.mode=always",
      "spring.sql.init.schema-locations=classpath:frameworks/names.sql,classpath:frameworks/purchases.sql"
    })
abstract class MybatisSuite extends FrameworkSuite {

  @Sandboxed(isolation = Isolation.TRANSACTION)
  static class InTransactions extends MybatisSuite {}

  @Sandboxed(isolation = Isolation.DATABASE)
  static class InDatabases extends MybatisSuite {}

  @EnableAutoConfiguration(
      exclude = {
        DataJdbcRepositoriesAutoConfiguration.class,
        DataJpaRepositoriesAutoConfiguration.class,
        FlywayAutoConfiguration.class,
        HibernateJpaAutoConfiguration.class,
        JooqAutoConfiguration.class
      })
  @MapperScan(annotationClass = Mapper.class)
  @Import(NameService.class)
  static class Application {

    @Bean
    Names names(NameMapper mapper, SqlSessionFactory factory) {
      return new NamesOfMybatis(mapper, factory);
    }
  }

  static final class Row {
    long id;
    String name = "";
  }

  static final class Ticket {
    long id;
    String seat = "";
  }

  @Mapper
  interface NameMapper {

    @Insert("INSERT INTO name (name) VALUES (#{name})")
    void insert(String name);

    @Insert("INSERT INTO name (name) VALUES (#{name})")
    @Options(useGeneratedKeys = true, keyProperty = "id", keyColumn = "id")
    void insertRow(Row row);

    @Select("SELECT name FROM name ORDER BY name")
    @Options(useCache = false)
    List<String> all();

    @Select("SELECT name FROM name ORDER BY name")
    @Options(fetchSize = 10)
    Cursor<String> cursor();

    @Update("UPDATE name SET name = #{to} WHERE name = #{from}")
    int rename(String from, String to);

    @Delete("DELETE FROM name WHERE name = #{name}")
    int delete(String name);

    @Insert("INSERT INTO ticket (id, seat) VALUES (#{id}, #{seat})")
    @SelectKey(
        statement = "SELECT nextval('ticket_id')",
        keyProperty = "id",
        before = true,
        resultType = long.class)
    void insertTicket(Ticket ticket);

    @Update(
        "UPDATE purchase SET buyer = #{buyer}, version = version + 1"
            + " WHERE id = #{id} AND version = #{version}")
    int update(long id, int version, String buyer);

    @Select("INSERT INTO purchase (buyer, version) VALUES (#{buyer}, 0) RETURNING id")
    @Options(flushCache = Options.FlushCachePolicy.TRUE)
    long purchase(String buyer);
  }

  private record NamesOfMybatis(NameMapper mapper, SqlSessionFactory factory) implements Names {

    @Override
    public void add(String name) {
      mapper.insert(name);
    }

    @Override
    public void addBatch(List<String> names) {
      SqlSessionTemplate batch = new SqlSessionTemplate(factory, ExecutorType.BATCH);
      NameMapper batched = batch.getMapper(NameMapper.class);
      names.forEach(batched::insert);
      List<BatchResult> results = batch.flushStatements();
      assertThat(results).hasSize(1);
      assertThat(results.get(0).getUpdateCounts()).hasSize(names.size());
    }

    @Override
    public List<String> all() {
      return mapper.all();
    }

    @Override
    public Stream<String> stream() {
      Cursor<String> cursor = mapper.cursor();
      return StreamSupport.stream(cursor.spliterator(), false)
          .onClose(
              () -> {
                try {
                  cursor.close();
                } catch (IOException failed) {
                  throw new IllegalStateException(failed);
                }
              });
    }

    @Override
    public void rename(String from, String to) {
      assertThat(mapper.rename(from, to)).isOne();
    }

    @Override
    public void remove(String name) {
      assertThat(mapper.delete(name)).isOne();
    }
  }

  @Autowired NameMapper mapper;
  @Autowired SqlSessionFactory sessions;

  @Twice
  void generated_keys_and_sequences(Pair pair) throws InterruptedException {
    Row row = new Row();
    row.name = own("a");
    mapper.insertRow(row);
    assertThat(row.id).isPositive();
    List<Long> ids = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      Ticket ticket = new Ticket();
      ticket.seat = "seat " + i;
      mapper.insertTicket(ticket);
      ids.add(ticket.id);
      pair.meet();
    }
    assertThat(ids).doesNotHaveDuplicates().isSorted();
  }

  @Twice
  void a_stale_version_updates_nothing(Pair pair) throws InterruptedException {
    long id = mapper.purchase("ann");
    pair.meet();
    assertThat(mapper.update(id, 0, "bob")).isOne();
    pair.meet();
    assertThat(mapper.update(id, 0, "eve")).isZero();
    assertThat(mapper.update(id, 1, "eve")).isOne();
  }

  @Twice
  void a_session_without_spring_commits_and_rolls_back(Pair pair) throws InterruptedException {
    try (SqlSession session = sessionOfItsOwn(ExecutorType.REUSE)) {
      session.getMapper(NameMapper.class).insert(own("a"));
      session.commit();
      session.getMapper(NameMapper.class).insert(own("b"));
      session.rollback();
      session.getMapper(NameMapper.class).insert(own("c"));
    }
    pair.meet();
    assertThat(names.all()).containsExactly(own("a"));
  }

  @Twice
  void a_batch_session_without_spring(Pair pair) throws InterruptedException {
    try (SqlSession session = sessionOfItsOwn(ExecutorType.BATCH)) {
      NameMapper batched = session.getMapper(NameMapper.class);
      many().forEach(batched::insert);
      pair.meet();
      batched.rename(many().get(0), own("renamed"));
      session.commit();
    }
    assertThat(names.all()).hasSize(MANY).contains(own("renamed")).doesNotContain(many().get(0));
  }

  private SqlSession sessionOfItsOwn(ExecutorType type) {
    var environment = sessions.getConfiguration().getEnvironment();
    var configuration =
        new org.apache.ibatis.session.Configuration(
            new org.apache.ibatis.mapping.Environment(
                "alone",
                new org.apache.ibatis.transaction.jdbc.JdbcTransactionFactory(),
                environment.getDataSource()));
    configuration.addMapper(NameMapper.class);
    return new org.apache.ibatis.session.defaults.DefaultSqlSessionFactory(configuration)
        .openSession(type);
  }

  @Twice
  void a_nested_transaction_rolls_back_to_its_savepoint(Pair pair) throws InterruptedException {
    pair.meet();
    nestedTransactions();
  }

  @Twice
  void a_nested_transaction_with_an_error_rolls_back_to_its_savepoint(Pair pair)
      throws InterruptedException {
    pair.meet();
    nestedTransactionsWithAnError();
  }

  @Twice
  void what_a_callback_writes_after_the_commit_is_kept(Pair pair) throws InterruptedException {
    pair.meet();
    writeAfterCommit();
  }
}
