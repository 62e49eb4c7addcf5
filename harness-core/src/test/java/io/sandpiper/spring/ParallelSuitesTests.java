package io.sandpiper.spring;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;

/** The suites of background work once more, eight tests at a time on one application context. */
class ParallelSuitesTests {

  @ParameterizedTest
  @ValueSource(
      classes = {
        ModulithTests.class,
        ScheduledTicksTests.class,
        StoryTests.class,
        VirtualThreadsTests.class
      })
  void tests_that_run_at_once_have_their_own_background_work(Class<?> suite) {
    EngineExecutionResults results =
        EngineTestKit.engine("junit-jupiter")
            .selectors(selectClass(suite))
            .configurationParameter("junit.jupiter.execution.parallel.enabled", "true")
            .configurationParameter("junit.jupiter.execution.parallel.config.strategy", "fixed")
            .configurationParameter(
                "junit.jupiter.execution.parallel.config.fixed.parallelism", "8")
            .execute();
    results.allEvents().failed().stream()
        .flatMap(event -> event.getPayload(TestExecutionResult.class).stream())
        .flatMap(result -> result.getThrowable().stream())
        .findFirst()
        .ifPresent(
            thrown -> {
              throw new AssertionError(suite + " failed", thrown);
            });
    results.containerEvents().assertStatistics(of -> of.failed(0));
    results.testEvents().assertStatistics(of -> of.failed(0).aborted(0).skipped(0));
  }
}
