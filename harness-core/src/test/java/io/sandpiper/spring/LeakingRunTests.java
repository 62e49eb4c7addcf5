package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import com.zaxxer.hikari.HikariDataSource;
import io.sandpiper.Sandboxed;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Event;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.jdbc.core.simple.JdbcClient;

/** What a run does whose tests have all passed, and one has leaked. */
class LeakingRunTests {

  @EnableAutoConfiguration
  static class Application {}

  @SpringBootTest(classes = Application.class, properties = "sandpiper.leak-check=true")
  @Sandboxed
  static class Leaking {

    @BeforeAll
    static void set_up(@Autowired JdbcClient jdbc) {
      jdbc.sql("CREATE TABLE IF NOT EXISTS leaky (id int)").update();
    }

    @Test
    void leaks(@Autowired HikariDataSource pool, @Autowired JdbcClient jdbc) throws SQLException {
      jdbc.sql("INSERT INTO leaky VALUES (1)").update();
      try (Connection past =
              DriverManager.getConnection(
                  pool.getJdbcUrl(), pool.getUsername(), pool.getPassword());
          Statement statement = past.createStatement()) {
        statement.execute("INSERT INTO leaky VALUES (4711)");
      }
    }

    @AfterEach
    void after(@Autowired JdbcClient jdbc) {
      jdbc.sql("INSERT INTO leaky VALUES (2)").update();
    }
  }

  @SpringBootTest(classes = Application.class, properties = "sandpiper.leak-check=false")
  @Sandboxed
  static class SwitchedOff extends Leaking {}

  private static EngineExecutionResults run(Class<?> testClass) {
    EngineExecutionResults results =
        EngineTestKit.engine("junit-jupiter").selectors(selectClass(testClass)).execute();
    assertThat(results.testEvents().failed().stream().map(LeakingRunTests::failure)).isEmpty();
    results.testEvents().assertStatistics(of -> of.started(1).succeeded(1));
    return results;
  }

  @Test
  void the_engine_fails_when_all_tests_are_through() {
    assertThat(run(Leaking.class).containerEvents().failed().stream())
        .singleElement()
        .satisfies(
            event -> {
              assertThat(event.getTestDescriptor().getParent()).isEmpty();
              assertThat(failure(event))
                  .isInstanceOf(AssertionError.class)
                  .hasMessageContaining(
                      "public.leaky: 0 rows before, 1 now, 1 newer: {\"id\":4711}")
                  .hasMessageContaining("LeakingRunTests.Leaking.leaks");
            });
  }

  private static Throwable failure(Event event) {
    return event
        .getPayload(TestExecutionResult.class)
        .flatMap(TestExecutionResult::getThrowable)
        .orElseThrow();
  }

  @Test
  void with_the_check_switched_off_nobody_looks() {
    run(SwitchedOff.class).containerEvents().assertStatistics(of -> of.failed(0));
  }
}
