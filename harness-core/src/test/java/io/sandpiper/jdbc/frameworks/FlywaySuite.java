package io.sandpiper.jdbc.frameworks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.jdbc.SandboxException;
import java.util.Map;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.mybatis.spring.boot.autoconfigure.MybatisAutoConfiguration;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.data.jdbc.autoconfigure.DataJdbcRepositoriesAutoConfiguration;
import org.springframework.boot.data.jpa.autoconfigure.DataJpaRepositoriesAutoConfiguration;
import org.springframework.boot.hibernate.autoconfigure.HibernateJpaAutoConfiguration;
import org.springframework.boot.jooq.autoconfigure.JooqAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.test.context.TestPropertySource;

/** Flyway: an application's migrations, and those that a test runs itself. */
@SpringBootTest(classes = FlywaySuite.Application.class)
@ExtendWith(NothingLeft.class)
@TestPropertySource(
    properties = {
      "spring.autoconfigure.exclude=",
      "spring.datasource.hikari.maximum-pool-size=4",
      "spring.flyway.locations=classpath:frameworks/flyway/first"
    })
@Execution(ExecutionMode.CONCURRENT)
abstract class FlywaySuite {

  @Sandboxed(isolation = Isolation.TRANSACTION)
  static class InTransactions extends FlywaySuite {}

  @Sandboxed(isolation = Isolation.DATABASE)
  static class InDatabases extends FlywaySuite {}

  @EnableAutoConfiguration(
      exclude = {
        DataJdbcRepositoriesAutoConfiguration.class,
        DataJpaRepositoriesAutoConfiguration.class,
        HibernateJpaAutoConfiguration.class,
        JooqAutoConfiguration.class,
        MybatisAutoConfiguration.class
      })
  static class Application {}

  @Autowired JdbcTemplate jdbc;
  @Autowired DataSource dataSource;
  @Autowired Flyway flyway;

  @Twice
  void the_migrations_of_the_application_are_there(Pair pair, Sandbox sandbox) throws Exception {
    String own = "plum-" + sandbox.id().sequence();
    jdbc.update("INSERT INTO fruit (name) VALUES (?)", own);
    pair.meet();
    assertThat(jdbc.queryForList("SELECT name FROM fruit ORDER BY name", String.class))
        .containsExactly("apple", "pear", own);
    assertThat(flyway.info().applied()).hasSize(2);
    assertThat(flyway.info().pending()).isEmpty();
  }

  @Twice
  void a_test_finds_the_migrations_valid_and_complete(Pair pair) throws Exception {
    flyway.validate();
    pair.meet();
    assertThat(flyway.migrate().migrationsExecuted).isZero();
  }

  /**
   * Flyway migrates on one connection while it holds a lock in a transaction on another, which the
   * one connection of a TRANSACTION sandbox cannot do.
   */
  @Twice
  void a_test_that_migrates_is_refused_where_it_has_one_connection(Pair pair, Sandbox sandbox)
      throws Exception {
    Flyway own = migrationsOf(sandbox, Map.of());
    pair.meet();
    if (sandbox.isolation() == Isolation.TRANSACTION) {
      assertThatThrownBy(own::migrate)
          .rootCause()
          .isInstanceOf(SandboxException.class)
          .hasMessageContaining("uses two connections of " + sandbox)
          .hasMessageContaining("each inside a transaction");
    } else {
      assertThat(own.migrate().migrationsExecuted).isEqualTo(2);
    }
    pair.meet();
    assertThat(jdbc.queryForObject("SELECT count(*) FROM fruit", Integer.class)).isEqualTo(2);
  }

  @Twice
  void a_test_that_migrates_under_a_lock_of_the_session_is_isolated(Pair pair, Sandbox sandbox)
      throws Exception {
    Flyway own = migrationsOf(sandbox, Map.of("flyway.postgresql.transactional.lock", "false"));
    pair.meet();
    assertThat(own.migrate().migrationsExecuted).isEqualTo(2);
    pair.meet();
    assertThat(own.info().applied()).hasSizeGreaterThanOrEqualTo(2);
    assertThat(jdbc.queryForList("SELECT name FROM " + schema(sandbox) + ".fruit", String.class))
        .containsExactlyInAnyOrder("apple", "pear");
  }

  private static String schema(Sandbox sandbox) {
    return "own_" + sandbox.id().sequence();
  }

  private Flyway migrationsOf(Sandbox sandbox, Map<String, String> settings) {
    return Flyway.configure()
        .dataSource(dataSource)
        .schemas(schema(sandbox))
        .configuration(settings)
        .locations("classpath:frameworks/flyway/first")
        .load();
  }

  /** Another application, whose context runs at the same time on the same server. */
  @SpringBootTest(classes = Application.class)
  @ExtendWith(NothingLeft.class)
  @TestPropertySource(
      properties = {
        "spring.autoconfigure.exclude=",
        "spring.datasource.hikari.maximum-pool-size=4",
        "spring.flyway.locations=classpath:frameworks/flyway/other"
      })
  @Execution(ExecutionMode.CONCURRENT)
  abstract static class Other {

    @Sandboxed(isolation = Isolation.TRANSACTION)
    static class InTransactions extends Other {}

    @Sandboxed(isolation = Isolation.DATABASE)
    static class InDatabases extends Other {}

    @Autowired JdbcTemplate jdbc;
    @Autowired Flyway flyway;

    @Twice
    void it_has_its_own_migrations(Pair pair, Sandbox sandbox) throws Exception {
      String code = "%03d".formatted(sandbox.id().sequence() % 1000);
      jdbc.update("INSERT INTO fruit VALUES (?)", code);
      pair.meet();
      assertThat(jdbc.queryForList("SELECT code FROM fruit", String.class))
          .containsExactlyInAnyOrder("fig", code);
      assertThat(flyway.info().applied()).hasSize(1);
    }
  }
}
