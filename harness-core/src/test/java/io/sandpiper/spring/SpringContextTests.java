package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.Work;
import io.sandpiper.jdbc.SandboxDataSource;
import jakarta.annotation.PostConstruct;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.core.task.TaskDecorator;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.AbstractDataSource;
import org.springframework.jdbc.datasource.DelegatingDataSource;
import org.springframework.test.context.junit.jupiter.SpringJUnitConfig;

/**
 * Contexts of many kinds; the classes under test are nested, so that Surefire leaves them alone.
 */
class SpringContextTests {

  private static final Queue<Sandbox> SEEN = new ConcurrentLinkedQueue<>();

  @AfterEach
  void nothing_is_bound() {
    SEEN.clear();
    assertThat(Work.current()).isNull();
    assertThat(Sandbox.isOutside()).isFalse();
  }

  private static void succeeds(Class<?> testClass, int tests) {
    EngineExecutionResults results =
        EngineTestKit.engine("junit-jupiter").selectors(selectClass(testClass)).execute();
    results.containerEvents().assertStatistics(of -> of.failed(0));
    results.testEvents().failed().stream()
        .findFirst()
        .flatMap(event -> event.getPayload(org.junit.platform.engine.TestExecutionResult.class))
        .flatMap(org.junit.platform.engine.TestExecutionResult::getThrowable)
        .ifPresent(
            thrown -> {
              throw new AssertionError(testClass + " failed", thrown);
            });
    results.testEvents().assertStatistics(of -> of.started(tests).succeeded(tests));
  }

  @EnableAutoConfiguration
  static class Application {}

  @SpringBootTest(classes = Application.class)
  @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
  static class WithoutAnnotation {

    @BeforeAll
    static void set_up(@Autowired JdbcClient jdbc) {
      jdbc.sql("CREATE TABLE IF NOT EXISTS plain (id int)").update();
    }

    @Test
    @Order(1)
    void writes(@Autowired JdbcClient jdbc) {
      assertThat(Sandbox.current().isolation()).isEqualTo(Isolation.NONE);
      SEEN.add(Sandbox.current());
      jdbc.sql("INSERT INTO plain VALUES (1)").update();
    }

    @Test
    @Order(2)
    void sees_what_the_other_committed(@Autowired JdbcClient jdbc) {
      SEEN.add(Sandbox.current());
      assertThat(jdbc.sql("SELECT count(*) FROM plain").query(Integer.class).single()).isOne();
    }

    @Test
    @Order(3)
    void may_fail_and_dawdle_in_the_background(@Autowired AsyncTaskExecutor executor) {
      SEEN.add(Sandbox.current());
      executor.submit(
          () -> {
            throw new IllegalStateException("nobody looks");
          });
      executor.submit(
          () -> {
            STUCK.await();
            return null;
          });
    }

    @AfterAll
    static void clean_up(@Autowired JdbcClient jdbc) {
      STUCK.countDown();
      jdbc.sql("DROP TABLE plain").update();
    }
  }

  private static final CountDownLatch STUCK = new CountDownLatch(1);

  @Test
  void a_test_without_the_annotation_is_not_changed() {
    long before = System.nanoTime();
    succeeds(WithoutAnnotation.class, 3);
    assertThat(SEEN).hasSize(3).doesNotHaveDuplicates();
    assertThat(SEEN).allMatch(sandbox -> sandbox.sinceEnd() != null);
    assertThat(System.nanoTime() - before)
        .as("it does not wait for background work")
        .isLessThan(9_000_000_000L);
  }

  @EnableAutoConfiguration
  static class Starting {

    @Bean
    Migration migration(JdbcClient jdbc) {
      return new Migration(jdbc);
    }

    @Bean
    CommandLineRunner runner(JdbcClient jdbc) {
      return arguments -> jdbc.sql("INSERT INTO started VALUES ('runner')").update();
    }
  }

  record Migration(JdbcClient jdbc) {
    @PostConstruct
    void migrate() {
      jdbc.sql("CREATE TABLE started (by text)").update();
      CompletableFuture.runAsync(
              () -> jdbc.sql("INSERT INTO started VALUES ('another thread')").update())
          .join();
    }
  }

  @SpringBootTest(classes = Starting.class)
  @Sandboxed
  static class StartUp {

    @Test
    void finds_what_start_up_wrote(@Autowired JdbcClient jdbc) {
      assertThat(jdbc.sql("SELECT by FROM started ORDER BY by").query(String.class).list())
          .containsExactly("another thread", "runner");
      jdbc.sql("DELETE FROM started").update();
    }

    @AfterAll
    static void finds_it_committed(@Autowired JdbcClient jdbc) {
      assertThat(jdbc.sql("SELECT count(*) FROM started").query(Integer.class).single())
          .isEqualTo(2);
    }
  }

  @Test
  void what_a_context_writes_while_it_starts_is_committed() {
    succeeds(StartUp.class, 1);
  }

  @EnableAutoConfiguration
  static class Decorating {

    static final AtomicInteger DECORATED = new AtomicInteger();

    @Bean
    TaskDecorator decorator() {
      return task -> {
        DECORATED.incrementAndGet();
        return task;
      };
    }
  }

  @SpringBootTest(classes = Decorating.class)
  @Sandboxed(isolation = Isolation.NONE)
  static class Decorated {

    @Test
    void a_task_is_decorated_and_in_the_sandbox(
        @Autowired AsyncTaskExecutor executor, Sandbox sandbox) throws Exception {
      int before = Decorating.DECORATED.get();
      Future<Sandbox> seen = executor.submit(Sandbox::current);
      assertThat(seen.get()).isSameAs(sandbox);
      assertThat(executor.submitCompletable(Sandbox::current).get()).isSameAs(sandbox);
      assertThat(Decorating.DECORATED).hasValue(before + 2);
    }
  }

  @Test
  void the_applications_task_decorator_is_still_applied() {
    succeeds(Decorated.class, 1);
  }

  @SpringBootTest(
      classes = Application.class,
      properties = "spring.datasource.url=jdbc:sqlite:file:sandpiper?mode=memory&cache=shared")
  static class NotPostgres {

    @Test
    @Sandboxed
    void a_transaction_sandbox_is_refused_with_the_remedy(
        @Autowired JdbcClient jdbc, @Autowired HikariDataSource pool) {
      for (int i = 0; i < 20; i++) {
        assertThatThrownBy(() -> jdbc.sql("SELECT 1").query(Integer.class).single())
            .hasStackTraceContaining("needs PostgreSQL for isolation TRANSACTION")
            .hasStackTraceContaining("leads to SQLite")
            .hasStackTraceContaining("@Sandboxed(isolation = NONE)");
      }
      // Sandboxes have connections of their own, so that the pool need not even have started.
      HikariPoolMXBean started = pool.getHikariPoolMXBean();
      assertThat(started == null ? 0 : started.getActiveConnections()).isZero();
    }

    @Test
    @Sandboxed(isolation = Isolation.NONE)
    void isolation_none_works(@Autowired JdbcClient jdbc) {
      assertThat(jdbc.sql("SELECT 1").query(Integer.class).single()).isOne();
    }
  }

  @Test
  void another_database_than_postgresql_works_without_isolation_only() {
    succeeds(NotPostgres.class, 2);
  }

  static class Plain {

    @Bean
    String greeting() {
      return "hello";
    }
  }

  @SpringJUnitConfig(Plain.class)
  @Sandboxed(isolation = Isolation.NONE)
  static class PlainContext {

    @Test
    void one(@Autowired String greeting, Sandbox sandbox) {
      assertThat(greeting).isEqualTo("hello");
      assertThat(Sandbox.current()).isSameAs(sandbox);
    }
  }

  @SpringJUnitConfig(Plain.class)
  static class PlainContextWithoutAnnotation {

    @Test
    void one(@Autowired String greeting) {
      assertThat(greeting).isEqualTo("hello");
      assertThat(Sandbox.current().isolation()).isEqualTo(Isolation.NONE);
    }
  }

  @Test
  void a_context_without_spring_boot_works_too() {
    succeeds(PlainContext.class, 1);
    succeeds(PlainContextWithoutAnnotation.class, 1);
  }

  private final ApplicationContextRunner contexts =
      new ApplicationContextRunner()
          .withConfiguration(AutoConfigurations.of(SandpiperAutoConfiguration.class));

  @Test
  void a_production_profile_is_refused_where_the_harness_is_switched_on() {
    SpringApplication application = new SpringApplication(Application.class);
    application.setAdditionalProfiles("prod");
    assertThatThrownBy(() -> application.run("--sandpiper.enabled=true"))
        .hasStackTraceContaining("The Sandpiper harness is switched on")
        .hasStackTraceContaining("under a production");
    for (String profile : new String[] {"prod", "production"}) {
      contexts
          .withPropertyValues("sandpiper.enabled=true", "spring.profiles.active=" + profile)
          .run(context -> assertThat(context).hasFailed());
      contexts
          .withPropertyValues("sandpiper.enabled=true", "spring.profiles.active=" + profile)
          .withClassLoader(new FilteredClassLoader(DelegatingDataSource.class))
          .run(context -> assertThat(context).as("without JDBC").hasFailed());
      contexts
          .withPropertyValues("spring.profiles.active=" + profile)
          .run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(ContextPhase.class));
    }
    contexts
        .withPropertyValues("sandpiper.enabled=true", "spring.profiles.active=test")
        .run(context -> assertThat(context).hasNotFailed().hasSingleBean(ContextPhase.class));
  }

  @SpringBootTest(classes = Application.class)
  @org.springframework.test.context.ActiveProfiles("prod")
  static class ProductionProfileInTest {
    @Test
    void starts() {}
  }

  @Test
  void a_test_may_use_a_production_profile() {
    succeeds(ProductionProfileInTest.class, 1);
  }

  private abstract static class Leaf extends AbstractDataSource {

    @Override
    public java.sql.Connection getConnection(String user, String password) {
      throw new AssertionError("no test asks for a user of its own");
    }
  }

  static class OpenLeaf extends Leaf {
    @Override
    public java.sql.Connection getConnection() {
      throw new AssertionError("The pool was asked for a connection.");
    }
  }

  static final class FinalLeaf extends Leaf {
    @Override
    public java.sql.Connection getConnection() {
      throw new AssertionError("The pool was asked for a connection.");
    }
  }

  static class Leaves {
    @Bean
    OpenLeaf open() {
      return new OpenLeaf();
    }

    @Bean
    DataSource sealed() {
      return new FinalLeaf();
    }

    @Bean
    DataSource delegating(OpenLeaf open) {
      return new DelegatingDataSource(open);
    }
  }

  @Test
  void leaf_pools_are_wrapped_and_keep_their_class_and_delegating_ones_are_left_alone() {
    contexts
        .withUserConfiguration(Leaves.class)
        .withPropertyValues("sandpiper.enabled=true")
        .run(
            context -> {
              OpenLeaf open = context.getBean(OpenLeaf.class);
              assertThat(open.isWrapperFor(SandboxDataSource.class)).isTrue();
              assertThat(open.unwrap(OpenLeaf.class)).isInstanceOf(OpenLeaf.class);
              assertThat(open.getConnection()).as("an unbound handle").isNotNull();
              assertThat(context.getBean("sealed")).isInstanceOf(SandboxDataSource.class);
              assertThat(context.getBean("delegating"))
                  .isExactlyInstanceOf(DelegatingDataSource.class)
                  .satisfies(
                      delegating ->
                          assertThat(((DelegatingDataSource) delegating).getTargetDataSource())
                              .isSameAs(open));
            });
  }

  @Test
  void an_unknown_rule_for_unowned_access_is_refused_with_the_choices() {
    contexts
        .withPropertyValues("sandpiper.enabled=true", "sandpiper.unowned=maybe")
        .run(
            context ->
                assertThat(context)
                    .getFailure()
                    .hasStackTraceContaining("sandpiper.unowned is 'maybe'")
                    .hasStackTraceContaining("refuse, pass-through or shared"));
  }
}
