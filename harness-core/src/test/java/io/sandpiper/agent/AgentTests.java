package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.agent.AgentJvm.Outcome;
import io.sandpiper.jdbc.SharedConsumer;
import io.sandpiper.spring.BeansWatchedByTwo;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.TestAbortedException;

/** The agent in JVMs of its own; what it carries is in the classes that run there. */
@Timeout(300)
class AgentTests {

  @TempDir private Path directory;

  @TestFactory
  Stream<DynamicTest> each_carrier() throws Exception {
    return tests(new AgentJvm(directory).withAgent().run(CarriedWork.class), CarriedWork.class);
  }

  @TestFactory
  Stream<DynamicTest> threads_of_the_jdk() throws Exception {
    AgentJvm jvm = new AgentJvm(directory).withAgent();
    return tests(jvm.run(ThreadsOfTheJdk.class), ThreadsOfTheJdk.class);
  }

  @TestFactory
  Stream<DynamicTest> what_tests_share() throws Exception {
    return tests(new AgentJvm(directory).withAgent().run(SharedWork.class), SharedWork.class);
  }

  @TestFactory
  Stream<DynamicTest> a_consumer_that_tests_share() throws Exception {
    return tests(
        new AgentJvm(directory).withAgent().run(SharedConsumer.class), SharedConsumer.class);
  }

  @TestFactory
  Stream<DynamicTest> what_an_ended_test_leaves() throws Exception {
    return tests(new AgentJvm(directory).withAgent().run(ForgottenWork.class), ForgottenWork.class);
  }

  @TestFactory
  Stream<DynamicTest> what_is_planned_for_later() throws Exception {
    return tests(new AgentJvm(directory).withAgent().run(PlannedWork.class), PlannedWork.class);
  }

  @TestFactory
  Stream<DynamicTest> what_tasks_are_called() throws Exception {
    return tests(new AgentJvm(directory).withAgent().run(NamedWork.class), NamedWork.class);
  }

  @TestFactory
  Stream<DynamicTest> many_tests_at_once() throws Exception {
    return tests(
        new AgentJvm(directory).withAgent().run(InterleavedWork.class), InterleavedWork.class);
  }

  @TestFactory
  Stream<DynamicTest> the_contract_of_all_executors() throws Exception {
    return tests(
        new AgentJvm(directory).withAgent().run(ContractedWork.class), ContractedWork.class);
  }

  @TestFactory
  Stream<DynamicTest> watched_classes() throws Exception {
    return tests(
        new AgentJvm(directory).withAgent().run(WatchedClasses.class), WatchedClasses.class);
  }

  @TestFactory
  Stream<DynamicTest> watched_classes_without_the_option() throws Exception {
    return tests(
        new AgentJvm(directory).option("-XX:+EnableDynamicAgentLoading").run(WatchedClasses.class),
        WatchedClasses.class);
  }

  @TestFactory
  Stream<DynamicTest> watched_families() throws Exception {
    return tests(
        new AgentJvm(directory).withAgent().run(WatchedFamilies.class), WatchedFamilies.class);
  }

  @TestFactory
  Stream<DynamicTest> watched_families_without_the_option() throws Exception {
    return tests(
        new AgentJvm(directory).option("-XX:+EnableDynamicAgentLoading").run(WatchedFamilies.class),
        WatchedFamilies.class);
  }

  @TestFactory
  Stream<DynamicTest> beans_watched_by_two() throws Exception {
    return tests(
        new AgentJvm(directory).withAgent().run(BeansWatchedByTwo.class), BeansWatchedByTwo.class);
  }

  @TestFactory
  Stream<DynamicTest> a_jvm_that_refuses_to_be_attached_to() throws Exception {
    return tests(
        new AgentJvm(directory).option("-XX:-EnableDynamicAgentLoading").run(RefusedWatching.class),
        RefusedWatching.class);
  }

  @Test
  void without_byte_buddy_the_jvm_does_not_start_and_says_why() throws Exception {
    String withoutByteBuddy =
        Stream.of(AgentJvm.classPath().split(System.getProperty("path.separator")))
            .filter(entry -> !entry.contains("byte-buddy"))
            .collect(Collectors.joining(System.getProperty("path.separator")));
    Path log = directory.resolve("log.txt");
    int exit =
        new AgentJvm(directory)
            .withAgent()
            .start(AgentTestRun.class, withoutByteBuddy, List.of(), log);
    assertThat(exit).isNotZero();
    assertThat(AgentJvm.read(log))
        .contains("The Sandpiper agent needs Byte Buddy: put net.bytebuddy:byte-buddy on");
  }

  private static Stream<DynamicTest> tests(List<Outcome> outcomes, Class<?> testClass) {
    assertThat((long) outcomes.size()).isGreaterThanOrEqualTo(methods(testClass)).isPositive();
    return outcomes.stream().map(AgentTests::test);
  }

  private static long methods(Class<?> testClass) {
    return Stream.of(testClass.getDeclaredMethods())
            .filter(method -> method.isAnnotationPresent(Test.class))
            .count()
        + Stream.of(testClass.getDeclaredClasses())
            .filter(nested -> nested.isAnnotationPresent(Nested.class))
            .mapToLong(AgentTests::methods)
            .sum();
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
