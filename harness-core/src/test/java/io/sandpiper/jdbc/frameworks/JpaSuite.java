package io.sandpiper.jdbc.frameworks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandboxed;
import jakarta.persistence.EntityManager;
import jakarta.persistence.LockModeType;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.hibernate.LazyInitializationException;
import org.hibernate.ScrollMode;
import org.hibernate.ScrollableResults;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.StatelessSession;
import org.hibernate.jpa.HibernateHints;
import org.junit.jupiter.api.BeforeEach;
import org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.data.jdbc.autoconfigure.DataJdbcRepositoriesAutoConfiguration;
import org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration;
import org.springframework.boot.flyway.autoconfigure.FlywayAutoConfiguration;
import org.springframework.boot.jooq.autoconfigure.JooqAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.ComponentScan.Filter;
import org.springframework.context.annotation.FilterType;
import org.springframework.context.annotation.Import;
import org.springframework.dao.OptimisticLockingFailureException;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.Lock;
import org.springframework.data.jpa.repository.Query;
import org.springframework.data.jpa.repository.config.EnableJpaRepositories;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.stereotype.Repository;
import org.springframework.test.context.TestPropertySource;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionTemplate;

/** JPA by Hibernate and Spring Data JPA. */
@SpringBootTest(classes = JpaSuite.Application.class)
@TestPropertySource(
    properties = {
      "spring.jpa.hibernate.ddl-auto=create",
      "spring.jpa.open-in-view=false",
      "spring.jpa.properties.hibernate.jdbc.batch_size=20",
      "spring.jpa.properties.hibernate.order_inserts=true",
      "spring.jpa.properties.hibernate.order_updates=true"
    })
abstract class JpaSuite extends FrameworkSuite {

  @Sandboxed(isolation = Isolation.TRANSACTION)
  static class InTransactions extends JpaSuite {}

  @Sandboxed(isolation = Isolation.DATABASE)
  static class InDatabases extends JpaSuite {}

  /** The pool gives connections without autocommit, and Hibernate relies on that. */
  @Sandboxed(isolation = Isolation.TRANSACTION)
  @TestPropertySource(
      properties = {
        "spring.datasource.hikari.auto-commit=false",
        "spring.jpa.properties.hibernate.connection.provider_disables_autocommit=true"
      })
  static class InTransactionsWithoutAutocommit extends JpaSuite {}

  @EnableAutoConfiguration(
      exclude = {
        DataJdbcRepositoriesAutoConfiguration.class,
        DataJpaRepositoriesAutoConfiguration.class,
        FlywayAutoConfiguration.class,
        JooqAutoConfiguration.class,
        MybatisAutoConfiguration.class
      })
  @EnableJpaRepositories(
      considerNestedRepositories = true,
      includeFilters = @Filter(type = FilterType.ASSIGNABLE_TYPE, classes = Authors.class))
  @Import({NameService.class, NamesOfJpa.class})
  static class Application {}

  @Repository
  @Transactional
  static class NamesOfJpa implements Names {

    private final EntityManager entities;

    NamesOfJpa(EntityManager entities) {
      this.entities = entities;
    }

    @Override
    public void add(String name) {
      entities.persist(new Entities.Name(name));
      entities.flush();
    }

    @Override
    public void addBatch(List<String> names) {
      names.forEach(name -> entities.persist(new Entities.Name(name)));
      entities.flush();
      entities.clear();
    }

    @Override
    public List<String> all() {
      return entities
          .createQuery("SELECT n.name FROM Name n ORDER BY n.name", String.class)
          .getResultList();
    }

    @Override
    public Stream<String> stream() {
      return entities
          .createQuery("SELECT n.name FROM Name n ORDER BY n.name", String.class)
          .setHint(HibernateHints.HINT_FETCH_SIZE, 10)
          .getResultStream();
    }

    @Override
    public void rename(String from, String to) {
      entities
          .createQuery("FROM Name WHERE name = :name", Entities.Name.class)
          .setParameter("name", from)
          .getSingleResult()
          .rename(to);
      entities.flush();
    }

    @Override
    public void remove(String name) {
      assertThat(
              entities
                  .createQuery("DELETE FROM Name WHERE name = :name")
                  .setParameter("name", name)
                  .executeUpdate())
          .isOne();
    }
  }

  interface Authors extends JpaRepository<Entities.Author, Long> {

    @Query("SELECT a FROM Author a LEFT JOIN FETCH a.books ORDER BY a.id")
    List<Entities.Author> withBooks();

    @Lock(LockModeType.PESSIMISTIC_WRITE)
    @Query("SELECT a FROM Author a WHERE a.name = :name")
    Entities.Author lockedByName(String name);

    @Query(value = "SELECT count(*) FROM author WHERE name LIKE :pattern", nativeQuery = true)
    long countNatively(String pattern);
  }

  @Autowired Authors authors;
  @Autowired EntityManager entities;
  @Autowired SessionFactory sessions;
  @Autowired JdbcTemplate jdbc;
  @Autowired PlatformTransactionManager transactions;

  private TransactionTemplate transaction = new TransactionTemplate();

  @BeforeEach
  void transactions() {
    transaction = new TransactionTemplate(transactions);
  }

  @Twice
  void an_aggregate_is_saved_found_updated_and_deleted(Pair pair) throws InterruptedException {
    Long id = authors.save(new Entities.Author(own("ann"), "one", "two")).id();
    pair.meet();
    assertThat(authors.withBooks()).extracting(Entities.Author::name).containsExactly(own("ann"));
    transaction.executeWithoutResult(
        status -> authors.findById(id).orElseThrow().rename(own("bob")).write("three"));
    pair.meet();
    assertThat(authors.withBooks().get(0).books()).containsExactly("one", "two", "three");
    assertThat(authors.countNatively("bob%")).isOne();
    assertThat(jdbc.queryForObject("SELECT count(*) FROM book", Integer.class)).isEqualTo(3);
    authors.deleteById(id);
    pair.meet();
    assertThat(authors.count()).isZero();
  }

  @Twice
  void a_collection_is_loaded_lazily_inside_its_transaction_only(Pair pair)
      throws InterruptedException {
    Long id = authors.save(new Entities.Author(own("ann"), "one", "two")).id();
    pair.meet();
    transaction.executeWithoutResult(
        status -> {
          Entities.Author found = authors.findById(id).orElseThrow();
          assertThat(sessions.getPersistenceUnitUtil().isLoaded(found, "books")).isFalse();
          assertThat(found.books()).containsExactly("one", "two");
        });
    Entities.Author detached = authors.findById(id).orElseThrow();
    assertThatThrownBy(detached::books).isInstanceOf(LazyInitializationException.class);
  }

  @Twice
  void a_stale_version_is_refused(Pair pair) throws InterruptedException {
    Long id = authors.save(new Entities.Author(own("ann"))).id();
    Entities.Author stale = authors.findById(id).orElseThrow();
    transaction.executeWithoutResult(
        status -> authors.findById(id).orElseThrow().rename(own("bob")));
    pair.meet();
    assertThatThrownBy(() -> authors.save(stale.rename(own("eve"))))
        .isInstanceOf(OptimisticLockingFailureException.class);
    assertThat(authors.findById(id).orElseThrow().name()).isEqualTo(own("bob"));
  }

  @Twice
  void a_row_is_changed_by_one_task_at_a_time_under_a_pessimistic_lock(Pair pair) throws Exception {
    authors.save(new Entities.Author(own("ann")));
    pair.meet();
    List<Future<?>> tasks = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      tasks.add(
          executor.submit(
              () ->
                  transaction.executeWithoutResult(
                      status -> authors.lockedByName(own("ann")).count())));
    }
    for (Future<?> task : tasks) {
      task.get(30, TimeUnit.SECONDS);
    }
    pair.meet();
    assertThat(authors.withBooks().get(0).counted()).isEqualTo(8);
  }

  @Twice
  void every_kind_of_generated_id(Pair pair) throws InterruptedException {
    List<Entities.Generated> first = generated();
    pair.meet();
    List<Entities.Generated> second = generated();
    pair.meet();
    assertThat(first).extracting(Entities.Generated::value).doesNotContainNull();
    assertThat(second).zipSatisfy(first, (b, a) -> assertThat(b.value()).isNotEqualTo(a.value()));
    assertThat(second.get(2).value()).isInstanceOf(UUID.class);
    for (String entity : List.of("ByIdentity", "BySequence", "ByUuid")) {
      assertThat(
              entities
                  .createQuery("SELECT count(e) FROM " + entity + " e", Long.class)
                  .getSingleResult())
          .isEqualTo(2);
    }
  }

  private List<Entities.Generated> generated() {
    List<Entities.Generated> made =
        List.of(new Entities.ByIdentity(), new Entities.BySequence(), new Entities.ByUuid());
    transaction.executeWithoutResult(status -> made.forEach(entities::persist));
    return made;
  }

  @Twice
  void jdbc_and_native_queries_work_in_the_transaction_of_the_session(Pair pair)
      throws InterruptedException {
    transaction.executeWithoutResult(
        status -> {
          entities.persist(new Entities.Name(own("a")));
          entities.flush();
          entities
              .unwrap(Session.class)
              .doWork(
                  connection -> {
                    try (var insert =
                        connection.prepareStatement(
                            "INSERT INTO name (id, name) VALUES (nextval('name_seq'), ?)")) {
                      insert.setString(1, own("b"));
                      assertThat(insert.executeUpdate()).isOne();
                    }
                  });
          jdbc.update("INSERT INTO name (id, name) VALUES (nextval('name_seq'), ?)", own("c"));
          assertThat(
                  entities
                      .createNativeQuery("SELECT name FROM name ORDER BY name", String.class)
                      .getResultList())
              .containsExactly(own("a"), own("b"), own("c"));
        });
    pair.meet();
    assertThat(names.all()).containsExactly(own("a"), own("b"), own("c"));
  }

  @Twice
  void a_session_with_transactions_of_its_own(Pair pair) throws InterruptedException {
    try (Session session = sessions.openSession()) {
      session.beginTransaction();
      session.persist(new Entities.Name(own("a")));
      session.getTransaction().commit();
      pair.meet();
      session.beginTransaction();
      session.persist(new Entities.Name(own("b")));
      session.flush();
      session.getTransaction().rollback();
    }
    pair.meet();
    assertThat(names.all()).containsExactly(own("a"));
  }

  @Twice
  void a_stateless_session_inserts_in_batches_and_scrolls(Pair pair) throws InterruptedException {
    try (StatelessSession session = sessions.openStatelessSession()) {
      session.beginTransaction();
      session.setJdbcBatchSize(50);
      many().forEach(name -> session.insert(new Entities.Name(name)));
      session.getTransaction().commit();
      pair.meet();
      session.beginTransaction();
      List<String> read = new ArrayList<>();
      try (ScrollableResults<String> rows =
          session
              .createSelectionQuery("SELECT n.name FROM Name n ORDER BY n.name", String.class)
              .setFetchSize(7)
              .scroll(ScrollMode.FORWARD_ONLY)) {
        while (rows.next()) {
          read.add(rows.get());
        }
      }
      session.getTransaction().commit();
      assertThat(read).containsExactlyElementsOf(many());
    }
  }

  @Twice
  void a_batch_of_updates_counts_its_rows(Pair pair) throws InterruptedException {
    service.addAll(many());
    pair.meet();
    transaction.executeWithoutResult(
        status ->
            entities
                .createQuery("FROM Name", Entities.Name.class)
                .getResultStream()
                .forEach(name -> name.rename(name.name() + "!")));
    assertThat(names.all()).hasSize(MANY).allMatch(name -> name.endsWith("!"));
  }
}
