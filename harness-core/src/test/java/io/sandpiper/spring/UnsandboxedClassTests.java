package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import io.sandpiper.Sandboxed;
import io.sandpiper.context.Scope;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Import;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.scheduling.config.ScheduledTaskHolder;
import org.springframework.test.context.ContextCustomizer;

/**
 * What the harness leaves as it is in classes without {@code @Sandboxed}, whichever classes with it
 * run before; the classes under test are nested, so that Surefire leaves them alone.
 */
class UnsandboxedClassTests {

  @EnableAutoConfiguration
  @EnableScheduling
  @Import(Poller.class)
  static class Application {}

  static class Poller {

    private final JdbcClient jdbc;
    private final AtomicInteger begun = new AtomicInteger();
    private final CountDownLatch written = new CountDownLatch(3);

    Poller(JdbcClient jdbc) {
      this.jdbc = jdbc;
      jdbc.sql("CREATE TABLE IF NOT EXISTS poll (id serial)").update();
    }

    @Scheduled(fixedDelay = 1)
    void poll() {
      if (begun.incrementAndGet() <= 3) {
        jdbc.sql("INSERT INTO poll DEFAULT VALUES").update();
        written.countDown();
      }
    }

    void assertRuns() throws InterruptedException {
      assertThat(written.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(jdbc.sql("SELECT count(*) FROM poll").query(Integer.class).single())
          .isGreaterThanOrEqualTo(3);
    }

    /** Nor does it later: what is scheduled is run here as its thread would. */
    void assertSkipped(ScheduledTaskHolder holder, TaskScheduler scheduler)
        throws InterruptedException {
      CountDownLatch ticked = new CountDownLatch(1);
      try (Scope nobodys = Scope.open(null, "a thread of the scheduler")) {
        scheduler.schedule(ticked::countDown, Instant.now().plusMillis(20));
        assertThat(ticked.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(holder.getScheduledTasks()).hasSize(1);
        holder.getScheduledTasks().forEach(task -> task.getTask().getRunnable().run());
      }
      assertThat(begun).hasValue(0);
    }
  }

  @SpringBootTest(classes = Application.class)
  static class Unsandboxed {
    @Test
    void its_scheduled_method_runs_and_commits(@Autowired Poller poller) throws Exception {
      poller.assertRuns();
    }
  }

  @SpringBootTest(classes = Application.class, properties = "sandpiper.scheduled=skip")
  static class UnsandboxedThatSkips {
    @Test
    void its_scheduled_method_does_not_run(
        @Autowired Poller poller,
        @Autowired ScheduledTaskHolder holder,
        @Autowired TaskScheduler scheduler)
        throws Exception {
      poller.assertSkipped(holder, scheduler);
    }
  }

  @SpringBootTest(classes = Application.class)
  static class WithASandbox {
    @Test
    @Sandboxed
    void its_scheduled_method_does_not_run(
        @Autowired Poller poller,
        @Autowired ScheduledTaskHolder holder,
        @Autowired TaskScheduler scheduler)
        throws Exception {
      poller.assertSkipped(holder, scheduler);
    }

    @Test
    void nor_for_a_test_beside_it(
        @Autowired Poller poller,
        @Autowired ScheduledTaskHolder holder,
        @Autowired TaskScheduler scheduler)
        throws Exception {
      poller.assertSkipped(holder, scheduler);
    }

    @Test
    @Sandboxed
    void work_of_no_test_is_refused(@Autowired JdbcClient jdbc) {
      try (Scope nobodys = Scope.open(null, "a thread of the application")) {
        assertThatThrownBy(() -> jdbc.sql("SELECT 1").query(Integer.class).single())
            .hasStackTraceContaining("sandpiper.unowned");
      }
    }
  }

  @Sandboxed
  @SpringBootTest(
      classes = Application.class,
      properties = {"sandpiper.scheduled=run", "sandpiper.unowned=pass-through"})
  static class WithASandboxAndTicks {
    @Test
    void its_scheduled_method_runs(@Autowired Poller poller) throws Exception {
      assertThat(poller.written.await(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  private static void succeeds(Class<?> testClass, int tests) {
    EngineExecutionResults results =
        EngineTestKit.engine("junit-jupiter").selectors(selectClass(testClass)).execute();
    results.allEvents().failed().stream()
        .flatMap(event -> event.getPayload(TestExecutionResult.class).stream())
        .flatMap(result -> result.getThrowable().stream())
        .findFirst()
        .ifPresent(
            thrown -> {
              throw new AssertionError(testClass + " failed", thrown);
            });
    results.testEvents().assertStatistics(of -> of.started(tests).succeeded(tests));
  }

  @Test
  void ticks_run_in_a_class_without_sandboxes_whatever_runs_before() {
    succeeds(WithASandbox.class, 3);
    succeeds(Unsandboxed.class, 1);
    succeeds(WithASandbox.class, 3);
    succeeds(Unsandboxed.class, 1);
  }

  @Test
  void a_property_has_the_last_word() {
    succeeds(UnsandboxedThatSkips.class, 1);
    succeeds(WithASandboxAndTicks.class, 1);
  }

  @Sandboxed
  static class OnTheClass {}

  static class Inherited extends OnTheClass {}

  @Sandboxed
  @Retention(RetentionPolicy.RUNTIME)
  @interface Meta {}

  static class OnAMethod {
    @Meta
    void test() {}
  }

  static class InheritedMethod extends OnAMethod {}

  static class OnANestedClass {

    class Plain {}

    @Nested
    class Annotated {
      @Sandboxed
      void test() {}
    }
  }

  @Sandboxed
  static class Around {
    static class OfItsOwn {}

    class Inner {}
  }

  private static ContextCustomizer customizer(Class<?> testClass) {
    return new HarnessContextCustomizerFactory().createContextCustomizer(testClass, List.of());
  }

  @Test
  void classes_share_contexts_with_those_that_ask_for_the_same() {
    ContextCustomizer with = customizer(OnTheClass.class);
    ContextCustomizer without = customizer(Unsandboxed.class);
    assertThat(with).isNotEqualTo(without);
    for (Class<?> each :
        List.of(
            Inherited.class,
            OnAMethod.class,
            InheritedMethod.class,
            OnANestedClass.class,
            OnANestedClass.Plain.class,
            OnANestedClass.Annotated.class,
            Around.Inner.class)) {
      assertThat(customizer(each)).as(each.getName()).isEqualTo(with).hasSameHashCodeAs(with);
    }
    for (Class<?> each : List.of(UnsandboxedThatSkips.class, Around.OfItsOwn.class)) {
      assertThat(customizer(each)).as(each.getName()).isEqualTo(without).hasSameHashCodeAs(without);
    }
  }
}
