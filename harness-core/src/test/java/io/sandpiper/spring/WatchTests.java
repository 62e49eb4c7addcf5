package io.sandpiper.spring;

import static io.sandpiper.Expectation.called;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.springframework.aop.framework.Advised;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.data.annotation.Id;
import org.springframework.data.jdbc.repository.config.EnableJdbcRepositories;
import org.springframework.data.relational.core.mapping.Table;
import org.springframework.data.repository.CrudRepository;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Calls of beans, of repositories of Spring Data too. */
@SpringBootTest(
    properties = {
      "spring.autoconfigure.exclude="
          + "org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration,"
          + "org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration,"
          + "org.springframework.boot.flyway.autoconfigure.FlywayAutoConfiguration,"
          + "org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration,"
          + "org.springframework.boot.jooq.autoconfigure.JooqAutoConfiguration,"
          + "org.springframework.modulith.events.config.EventPublicationAutoConfiguration,"
          + "org.springframework.modulith.events.jdbc.JdbcEventPublicationAutoConfiguration"
    })
@Sandboxed
class WatchTests {

  @SpringBootApplication
  @EnableJdbcRepositories(considerNestedRepositories = true, basePackageClasses = WatchTests.class)
  static class Application {
    @Bean
    CommandLineRunner migration(JdbcClient jdbc) {
      return arguments -> jdbc.sql("CREATE TABLE seat (id int PRIMARY KEY, name text)").update();
    }
  }

  @Table("seat")
  record Seat(@Id int id, String name) {}

  interface Seats extends CrudRepository<Seat, Integer> {}

  @Test
  void calls_of_a_repository_are_recorded(Sandbox sandbox, @Autowired Seats seats) {
    sandbox.watch(Seats.class);
    assertThat(seats.findById(1)).isEmpty();
    assertThat(assertReceive(called(Seats.class, "findById").json("/0", 1)).header("outcome"))
        .isEqualTo("returned " + Optional.empty());
    assertThat(seats.toString()).isNotEmpty();
    refuteReceive(called(Seats.class, "toString"), Duration.ZERO);
  }

  interface Greeting {
    String greet(String name);
  }

  private final Run run = Run.create();

  private Sandbox open(String name, GenericApplicationContext context) {
    Sandbox sandbox =
        run.open(Sandbox.Settings.of(name, Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));
    sandbox.application(new ContextUnderTest(context));
    return sandbox;
  }

  private static GenericApplicationContext context(boolean frozen) {
    ProxyFactory factory = new ProxyFactory((Greeting) name -> "hello " + name);
    factory.setFrozen(frozen);
    GenericApplicationContext context = new GenericApplicationContext();
    context.registerBean("greeting", Greeting.class, () -> (Greeting) factory.getProxy());
    context.registerBean("plain", Thread.class, () -> new Thread(() -> {}));
    context.refresh();
    return context;
  }

  @Test
  void a_bean_is_advised_once_and_its_calls_are_known_to_those_who_watch() {
    GenericApplicationContext context = context(false);
    Greeting greeting = context.getBean(Greeting.class);
    Sandbox watching = open("watching", context);
    Sandbox another = open("another", context);
    Sandbox neighbour = open("neighbour", context);
    watching.watch(Greeting.class);
    another.watch(Greeting.class);
    another.watch(Greeting.class);
    assertThat(((Advised) greeting).getAdvisors())
        .hasSize(1)
        .allMatch(advisor -> advisor.getAdvice() instanceof WatchAdvice);
    for (Sandbox each : Arrays.asList(watching, neighbour)) {
      try (Scope scope = each.test().bind()) {
        assertThat(greeting.greet(each.testName())).isEqualTo("hello " + each.testName());
      }
    }
    assertThat(greeting.greet("nobody")).isEqualTo("hello nobody");
    try (Scope scope = watching.test().bind()) {
      assertThat(assertReceive(called(Greeting.class, "greet").json("/0", "watching")))
          .satisfies(hop -> assertThat(hop.header("outcome")).isEqualTo("returned hello watching"));
      refuteReceive(called(Greeting.class, "greet"), Duration.ZERO);
    }
    for (Sandbox each : Arrays.asList(another, neighbour)) {
      assertThat(each.journal().entries()).isEmpty();
    }
    for (Sandbox each : Arrays.asList(watching, another, neighbour)) {
      run.end(each, null);
    }
    context.close();
  }

  @Test
  void what_cannot_be_advised_is_left_to_the_agent() {
    try (GenericApplicationContext context = context(true)) {
      Sandbox sandbox = open("frozen", context);
      for (Class<?> type : Arrays.asList(Greeting.class, Thread.class, CompletableFuture.class)) {
        assertThat(new ContextUnderTest(context).watch(type)).isFalse();
        assertThatThrownBy(() -> sandbox.watch(type))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("the agent does not run");
      }
      run.end(sandbox, null);
    }
  }
}
