package io.sandpiper.jdbc.frameworks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandboxed;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.data.jdbc.autoconfigure.DataJdbcRepositoriesAutoConfiguration;
import org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration;
import org.springframework.boot.flyway.autoconfigure.FlywayAutoConfiguration;
import org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration;
import org.springframework.boot.jooq.autoconfigure.JooqAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan.Filter;
import org.springframework.context.annotation.FilterType;
import org.springframework.context.annotation.Import;
import org.springframework.dao.OptimisticLockingFailureException;
import org.springframework.data.annotation.Id;
import org.springframework.data.annotation.Version;
import org.springframework.data.jdbc.repository.config.EnableJdbcRepositories;
import org.springframework.data.jdbc.repository.query.Modifying;
import org.springframework.data.jdbc.repository.query.Query;
import org.springframework.data.relational.core.mapping.MappedCollection;
import org.springframework.data.relational.core.mapping.Sequence;
import org.springframework.data.repository.ListCrudRepository;
import org.springframework.test.context.TestPropertySource;

/** Spring Data JDBC. */
@SpringBootTest(classes = DataJdbcSuite.Application.class)
@TestPropertySource(
    properties = {
      "spring.sql.init.mode=always",
      "spring.sql.init.schema-locations=classpath:frameworks/names.sql,classpath:frameworks/purchases.sql"
    })
abstract class DataJdbcSuite extends FrameworkSuite {

  @Sandboxed(isolation = Isolation.TRANSACTION)
  static class InTransactions extends DataJdbcSuite {}

  @Sandboxed(isolation = Isolation.DATABASE)
  static class InDatabases extends DataJdbcSuite {}

  @EnableAutoConfiguration(
      exclude = {
        DataJdbcRepositoriesAutoConfiguration.class,
        DataJpaRepositoriesAutoConfiguration.class,
        FlywayAutoConfiguration.class,
        HibernateJpaAutoConfiguration.class,
        JooqAutoConfiguration.class,
        MybatisAutoConfiguration.class
      })
  @EnableJdbcRepositories(
      considerNestedRepositories = true,
      includeFilters =
          @Filter(
              type = FilterType.ASSIGNABLE_TYPE,
              classes = {Rows.class, Purchases.class, Tickets.class}))
  @Import(NameService.class)
  static class Application
      extends org.springframework.data.jdbc.repository.config.AbstractJdbcConfiguration {

    @Bean
    Names names(Rows rows) {
      return new NamesOfRows(rows);
    }
  }

  @org.springframework.data.relational.core.mapping.Table("name")
  record Row(@Id @Nullable Long id, String name) {}

  interface Rows extends ListCrudRepository<Row, Long> {

    @Query("SELECT * FROM name ORDER BY name")
    List<Row> sorted();

    @Query("SELECT * FROM name ORDER BY name")
    Stream<Row> streamed();

    @Modifying
    @Query("UPDATE name SET name = :to WHERE name = :from")
    boolean rename(String from, String to);

    // The derived query's cache in Spring Data is not made for several threads.
    @Modifying
    @Query("DELETE FROM name WHERE name = :name")
    long deleteByName(String name);
  }

  private record NamesOfRows(Rows rows) implements Names {

    @Override
    public void add(String name) {
      rows.save(new Row(null, name));
    }

    @Override
    public void addBatch(List<String> names) {
      rows.saveAll(names.stream().map(name -> new Row(null, name)).toList());
    }

    @Override
    public List<String> all() {
      return rows.sorted().stream().map(Row::name).toList();
    }

    @Override
    public Stream<String> stream() {
      return rows.streamed().map(Row::name);
    }

    @Override
    public void rename(String from, String to) {
      assertThat(rows.rename(from, to)).isTrue();
    }

    @Override
    public void remove(String name) {
      assertThat(rows.deleteByName(name)).isOne();
    }
  }

  record Line(String sku, int quantity) {}

  record Purchase(
      @Id @Nullable Long id,
      String buyer,
      @Version int version,
      @MappedCollection(idColumn = "purchase", keyColumn = "position") List<Line> lines) {}

  interface Purchases extends ListCrudRepository<Purchase, Long> {

    List<Purchase> findByBuyer(String buyer);
  }

  record Ticket(@Id @Sequence("ticket_id") @Nullable Long id, String seat) {}

  interface Tickets extends ListCrudRepository<Ticket, Long> {}

  @Autowired Purchases purchases;
  @Autowired Tickets tickets;

  @Twice
  void an_aggregate_is_saved_found_updated_and_deleted(Pair pair) throws InterruptedException {
    Purchase saved =
        purchases.save(new Purchase(null, "ann", 0, List.of(new Line("x", 1), new Line("y", 2))));
    assertThat(saved.id()).isNotNull();
    pair.meet();
    assertThat(purchases.findByBuyer("ann")).containsExactly(saved);
    Purchase changed =
        purchases.save(new Purchase(saved.id(), "bob", saved.version(), List.of(new Line("z", 3))));
    pair.meet();
    assertThat(purchases.findAll()).containsExactly(changed);
    assertThat(changed.version()).isEqualTo(saved.version() + 1);
    purchases.delete(changed);
    pair.meet();
    assertThat(purchases.count()).isZero();
  }

  @Twice
  void a_stale_version_is_refused(Pair pair) throws InterruptedException {
    Purchase first = purchases.save(new Purchase(null, "ann", 0, List.of(new Line("x", 1))));
    Purchase second = purchases.save(new Purchase(first.id(), "bob", first.version(), List.of()));
    pair.meet();
    assertThatThrownBy(() -> purchases.save(first))
        .isInstanceOf(OptimisticLockingFailureException.class);
    assertThat(purchases.findAll()).containsExactly(second);
  }

  @Twice
  void ids_come_from_a_sequence_that_all_tests_share(Pair pair) throws InterruptedException {
    List<Long> ids = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      ids.add(tickets.save(new Ticket(null, "seat " + i)).id());
      pair.meet();
    }
    assertThat(ids).doesNotContainNull().doesNotHaveDuplicates().isSorted();
    assertThat(tickets.findAll()).extracting(Ticket::id).containsExactlyElementsOf(ids);
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
