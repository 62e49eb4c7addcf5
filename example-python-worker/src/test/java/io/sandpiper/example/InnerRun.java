package io.sandpiper.example;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * A run of JUnit in this JVM, which shares the application contexts of other runs in it.
 *
 * @param passed how many tests passed
 * @param failures what failed, tests or classes
 * @param wall how long the tests took, from the start of the first class to the end of the last
 */
record InnerRun(int passed, List<Failure> failures, Duration wall) {

  private static final String PARALLELISM = "junit.jupiter.execution.parallel.config.fixed.";

  record Failure(String name, Throwable cause) {}

  /** Runs a class with so many tests at once; 1 runs them one by one, in one thread. */
  static InnerRun of(Class<?> testClass, int parallel) {
    return of(testClass, parallel, Map.of(), new TestExecutionListener() {});
  }

  static InnerRun of(
      Class<?> testClass,
      int parallel,
      Map<String, String> parameters,
      TestExecutionListener listener) {
    LauncherDiscoveryRequest request =
        LauncherDiscoveryRequestBuilder.request()
            .selectors(DiscoverySelectors.selectClass(testClass))
            .configurationParameter(
                "junit.jupiter.execution.parallel.enabled", String.valueOf(parallel > 1))
            .configurationParameter(PARALLELISM + "parallelism", String.valueOf(parallel))
            .configurationParameter(PARALLELISM + "max-pool-size", String.valueOf(parallel))
            .configurationParameters(parameters)
            .build();
    Launcher launcher =
        LauncherFactory.create(
            LauncherConfig.builder().enableTestExecutionListenerAutoRegistration(false).build());
    OutcomeListener outcome = new OutcomeListener();
    launcher.execute(request, outcome, listener);
    return outcome.outcome();
  }
}
