package io.sandpiper.jdbc.frameworks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Event;

/**
 * Runs suites with all their tests in parallel, and reports each test.
 *
 * <p>There is a thread for each test, because the two runs of one wait for one another.
 */
class FrameworksTests {

  private static final String PARALLEL = "junit.jupiter.execution.parallel.";
  private static final String THREADS = "256";

  @TestFactory
  Stream<DynamicTest> spring_data_jdbc() {
    return run(DataJdbcSuite.InTransactions.class, DataJdbcSuite.InDatabases.class);
  }

  @TestFactory
  Stream<DynamicTest> jooq() {
    return run(JooqSuite.InTransactions.class, JooqSuite.InDatabases.class);
  }

  @TestFactory
  Stream<DynamicTest> jpa() {
    return run(
        JpaSuite.InTransactions.class,
        JpaSuite.InDatabases.class,
        JpaSuite.InTransactionsWithoutAutocommit.class);
  }

  @TestFactory
  Stream<DynamicTest> tenants() {
    return run(TenantSuite.InTransactions.class, TenantSuite.InDatabases.class);
  }

  @TestFactory
  Stream<DynamicTest> flyway() {
    return run(
        FlywaySuite.InTransactions.class,
        FlywaySuite.InDatabases.class,
        FlywaySuite.Other.InTransactions.class,
        FlywaySuite.Other.InDatabases.class);
  }

  @TestFactory
  Stream<DynamicTest> mybatis() {
    return run(MybatisSuite.InTransactions.class, MybatisSuite.InDatabases.class);
  }

  private static Stream<DynamicTest> run(Class<?>... suites) {
    EngineTestKit.Builder kit = EngineTestKit.engine("junit-jupiter");
    for (Class<?> suite : suites) {
      kit.selectors(selectClass(suite));
    }
    List<Event> finished =
        kit.configurationParameter(PARALLEL + "enabled", "true")
            .configurationParameter(PARALLEL + "config.strategy", "fixed")
            .configurationParameter(PARALLEL + "config.fixed.parallelism", THREADS)
            .execute()
            .allEvents()
            .finished()
            .list();
    assertThat(finished).hasSizeGreaterThan(5);
    return finished.stream().map(FrameworksTests::report);
  }

  private static DynamicTest report(Event finished) {
    TestExecutionResult result = finished.getRequiredPayload(TestExecutionResult.class);
    TestDescriptor test = finished.getTestDescriptor();
    String name =
        test.getParent().map(parent -> parent.getDisplayName() + " ").orElse("")
            + test.getDisplayName();
    return DynamicTest.dynamicTest(
        name,
        () -> {
          if (result.getStatus() != TestExecutionResult.Status.SUCCESSFUL) {
            // Surefire does not show the names of dynamic tests.
            throw new AssertionError(name + " failed", result.getThrowable().orElse(null));
          }
        });
  }
}
