package io.sandpiper.spring;

import static io.sandpiper.Expectation.called;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.modulith.events.ApplicationModuleListener;
import org.springframework.modulith.events.CompletedEventPublications;
import org.springframework.transaction.annotation.Transactional;

/** The event publication registry of Spring Modulith in parallel tests. */
@SpringBootTest(
    properties = {
      "spring.modulith.events.jdbc.schema-initialization.enabled=true",
      "spring.autoconfigure.exclude="
          + "org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration,"
          + "org.springframework.boot.data.jdbc.autoconfigure.DataJdbcRepositoriesAutoConfiguration,"
          + "org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration,"
          + "org.springframework.boot.flyway.autoconfigure.FlywayAutoConfiguration,"
          + "org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration,"
          + "org.springframework.boot.jooq.autoconfigure.JooqAutoConfiguration"
    })
@Sandboxed
@Execution(ExecutionMode.CONCURRENT)
class ModulithTests {

  @SpringBootApplication
  @Import({Orders.class, Inventory.class})
  static class Application {

    @Bean
    CommandLineRunner migration(JdbcClient jdbc) {
      return arguments -> {
        jdbc.sql("CREATE TABLE placed (id int PRIMARY KEY)").update();
        jdbc.sql("CREATE TABLE stock (id int PRIMARY KEY)").update();
      };
    }
  }

  record Placed(int id) {}

  static class Orders {

    private final AtomicInteger placed = new AtomicInteger();
    private final JdbcClient jdbc;
    private final ApplicationEventPublisher events;

    Orders(JdbcClient jdbc, ApplicationEventPublisher events) {
      this.jdbc = jdbc;
      this.events = events;
    }

    @Transactional
    public void place(int id) {
      jdbc.sql("INSERT INTO placed VALUES (?)").param(id).update();
      events.publishEvent(new Placed(id));
      placed.incrementAndGet();
    }

    public int placed() {
      return placed.get();
    }
  }

  static class Inventory {

    private final AtomicInteger stocked = new AtomicInteger();
    private final JdbcClient jdbc;

    Inventory(JdbcClient jdbc) {
      this.jdbc = jdbc;
    }

    @ApplicationModuleListener
    public void on(Placed placed) {
      stocked.addAndGet(
          jdbc.sql("INSERT INTO stock SELECT id FROM placed WHERE id = ?")
              .param(placed.id())
              .update());
    }

    public int stocked() {
      return stocked.get();
    }
  }

  private final JdbcClient jdbc;
  private final Orders orders;

  ModulithTests(@Autowired JdbcClient jdbc, @Autowired Orders orders) {
    this.jdbc = jdbc;
    this.orders = orders;
  }

  @AfterAll
  static void all_is_done_and_nothing_is_left(
      @Autowired JdbcClient jdbc, @Autowired Orders orders, @Autowired Inventory inventory) {
    assertThat(inventory.stocked()).isPositive().isEqualTo(orders.placed());
    for (String table : List.of("placed", "stock", "event_publication")) {
      assertThat(jdbc.sql("SELECT count(*) FROM " + table).query(Integer.class).single()).isZero();
    }
  }

  /** Of this test alone: an equal one would have to wait for the end of another test. */
  private static int key(Sandbox sandbox) {
    return (int) sandbox.id().sequence() * 2;
  }

  private void place(Sandbox sandbox, CompletedEventPublications completed) {
    int one = key(sandbox);
    int other = one + 1;
    sandbox.watch(Inventory.class);
    orders.place(one);
    orders.place(other);
    assertReceive(called(Inventory.class, "on").json("/0/id", one));
    assertReceive(called(Inventory.class, "on").json("/0/id", other));
    assertThat(jdbc.sql("SELECT id FROM stock ORDER BY id").query(Integer.class).list())
        .containsExactly(one, other);
    assertEventually(() -> assertThat(completed.findAll()).hasSize(2));
  }

  @RepeatedTest(10)
  void events_are_published_and_completed_in_a_transaction(
      Sandbox sandbox, @Autowired CompletedEventPublications completed) {
    place(sandbox, completed);
  }

  @RepeatedTest(5)
  @Sandboxed(isolation = Isolation.DATABASE)
  void events_are_published_and_completed_in_a_database(
      Sandbox sandbox, @Autowired CompletedEventPublications completed) {
    place(sandbox, completed);
  }

  @RepeatedTest(5)
  void a_listener_that_nobody_awaits_is_drained_with_its_publication(Sandbox sandbox) {
    orders.place(key(sandbox));
  }
}
