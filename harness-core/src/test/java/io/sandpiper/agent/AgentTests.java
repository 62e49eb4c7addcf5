package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.agent.AgentJvm.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.TestAbortedException;

/** The agent in a JVM of its own; what it carries is in the classes that run there. */
class AgentTests {

  @TestFactory
  Stream<DynamicTest> with_the_agent(@TempDir Path directory)
      throws IOException, InterruptedException {
    List<Outcome> outcomes = new AgentJvm(directory).withAgent().run(CarriedWork.class);
    assertThat(outcomes).hasSizeGreaterThan(5);
    return outcomes.stream().map(AgentTests::test);
  }

  private static DynamicTest test(Outcome outcome) {
    return DynamicTest.dynamicTest(
        outcome.test(),
        () -> {
          if (outcome.status().equals("SKIPPED")) {
            throw new TestAbortedException(outcome.failure());
          }
          assertThat(outcome.status()).as(outcome.failure()).isEqualTo("SUCCESSFUL");
        });
  }
}
