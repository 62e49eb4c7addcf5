package io.sandpiper.spring;

import static io.sandpiper.Expectation.called;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.modulith.events.ApplicationModuleListener;
import org.springframework.modulith.events.CompletedEventPublications;

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
        jdbc.sql(Orders.TABLE).update();
        jdbc.sql("CREATE TABLE stock (id int PRIMARY KEY)").update();
      };
    }
  }

  static class Inventory {

    private final AtomicInteger stocked = new AtomicInteger();
    private final JdbcClient jdbc;

    Inventory(JdbcClient jdbc) {
      this.jdbc = jdbc;
    }

    @ApplicationModuleListener
    public void on(Orders.Placed placed) {
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
    Orders.assertNothingIsLeft(jdbc, "placed", "stock", "event_publication");
  }

  private void place(Sandbox sandbox, CompletedEventPublications completed) {
    int one = Orders.key();
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
  void a_listener_that_nobody_awaits_is_drained_with_its_publication() {
    orders.place(Orders.key());
  }
}
