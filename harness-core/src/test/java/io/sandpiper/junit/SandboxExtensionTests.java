package io.sandpiper.junit;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.testkit.engine.EventConditions.event;
import static org.junit.platform.testkit.engine.EventConditions.finishedWithFailure;
import static org.junit.platform.testkit.engine.TestExecutionResultConditions.instanceOf;
import static org.junit.platform.testkit.engine.TestExecutionResultConditions.message;

import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;

/** Runs classes that JUnit discovers here only: Surefire leaves nested classes alone. */
class SandboxExtensionTests {

  /** One thing that a class under test saw: where, in which sandbox, or none. */
  private record Seen(String where, Object instance, Sandbox sandbox) {}

  /** Written by the classes under test; the tests of this class run one after the other. */
  private static final Queue<Seen> SEEN = new ConcurrentLinkedQueue<>();

  private static final AtomicInteger INSIDE = new AtomicInteger();
  private static final AtomicInteger MOST_INSIDE = new AtomicInteger();

  @BeforeEach
  void forget() {
    SEEN.clear();
    INSIDE.set(0);
    MOST_INSIDE.set(0);
  }

  private static void see(String where, Object instance) {
    SEEN.add(new Seen(where, instance, Sandbox.current()));
  }

  private static List<Sandbox> sandboxes() {
    return SEEN.stream().map(Seen::sandbox).distinct().toList();
  }

  private static EngineExecutionResults run(Class<?> testClass, String... parameters) {
    EngineTestKit.Builder kit = EngineTestKit.engine("junit-jupiter");
    for (int i = 0; i < parameters.length; i += 2) {
      kit.configurationParameter(parameters[i], parameters[i + 1]);
    }
    EngineExecutionResults results = kit.selectors(selectClass(testClass)).execute();
    assertThat(Work.current()).as("bound afterwards").isNull();
    return results;
  }

  private static EngineExecutionResults concurrently(Class<?> testClass, int parallelism) {
    return run(
        testClass,
        "junit.jupiter.execution.parallel.enabled",
        "true",
        "junit.jupiter.execution.parallel.mode.default",
        "concurrent",
        "junit.jupiter.execution.parallel.config.strategy",
        "fixed",
        "junit.jupiter.execution.parallel.config.fixed.parallelism",
        Integer.toString(parallelism));
  }

  private static void allSucceed(EngineExecutionResults results, int tests) {
    results
        .testEvents()
        .assertStatistics(of -> of.started(tests).succeeded(tests).failed(0).aborted(0));
  }

  private static void allHaveEnded() {
    assertThat(sandboxes()).allMatch(sandbox -> sandbox.sinceEnd() != null);
  }

  @Sandboxed
  static class Lifecycles {

    private final Object whenMade = String.valueOf(Work.current());

    @BeforeAll
    static void before_all() {
      assertThat(Work.current()).isNull();
      assertThat(Sandbox.isOutside()).isTrue();
    }

    @BeforeEach
    void before(Sandbox sandbox) {
      see("before", this);
      assertThat(sandbox).isSameAs(Sandbox.current());
      assertThat(whenMade).isEqualTo("null");
    }

    @Test
    void one(Sandbox sandbox) {
      see("test", this);
      assertThat(sandbox).isSameAs(Sandbox.current());
      assertThat(sandbox.testName()).isEqualTo("SandboxExtensionTests.Lifecycles.one");
      assertThat(sandbox.isolation()).isEqualTo(Isolation.TRANSACTION);
    }

    @RepeatedTest(3)
    void repeated() {
      see("test", this);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void parameterized(int value, Sandbox sandbox) {
      see("test", this);
      assertThat(sandbox).isSameAs(Sandbox.current());
      assertThat(value).isPositive();
    }

    @AfterEach
    void after(Sandbox sandbox) {
      see("after", this);
      assertThat(sandbox).isSameAs(Sandbox.current());
      assertThat(sandbox.sinceEnd()).isNull();
    }

    @AfterAll
    static void after_all() {
      assertThat(Sandbox.isOutside()).isTrue();
      assertThat(SEEN).allMatch(seen -> seen.sandbox().sinceEnd() != null);
    }
  }

  @Test
  void each_invocation_has_one_sandbox_from_before_each_to_after_each() {
    allSucceed(run(Lifecycles.class), 6);
    assertThat(SEEN).hasSize(18);
    assertThat(sandboxes()).hasSize(6);
    assertThat(SEEN.stream().map(Seen::instance).distinct()).hasSize(6);
    allHaveEnded();
  }

  @Test
  void so_it_is_in_concurrent_mode() {
    allSucceed(concurrently(Lifecycles.class, 8), 6);
    assertThat(SEEN).hasSize(18);
    assertThat(sandboxes()).hasSize(6);
    for (Sandbox sandbox : sandboxes()) {
      assertThat(SEEN.stream().filter(seen -> seen.sandbox() == sandbox).map(Seen::instance))
          .as("instances in one sandbox")
          .containsOnly(
              SEEN.stream().filter(s -> s.sandbox() == sandbox).findFirst().get().instance());
    }
  }

  @Sandboxed
  @TestInstance(Lifecycle.PER_CLASS)
  static class PerClass {

    @BeforeAll
    void before_all() {
      assertThat(Work.current()).isNull();
    }

    @RepeatedTest(20)
    void repeated() {
      see("test", this);
    }

    @Test
    void other() {
      see("test", this);
    }
  }

  @Test
  void invocations_on_one_instance_have_their_own_sandboxes() {
    allSucceed(run(PerClass.class), 21);
    assertThat(sandboxes()).hasSize(21);
    SEEN.clear();
    allSucceed(concurrently(PerClass.class, 4), 21);
    assertThat(sandboxes()).hasSize(21);
    allHaveEnded();
  }

  @Sandboxed(isolation = Isolation.NONE)
  static class Outer {

    @Test
    void outer(Sandbox sandbox) {
      see("outer", this);
      assertThat(sandbox.isolation()).isEqualTo(Isolation.NONE);
    }

    @Nested
    class Inner {

      @BeforeEach
      void before() {
        see("inner", this);
      }

      @Test
      void inherits(Sandbox sandbox) {
        see("inner", this);
        assertThat(sandbox.isolation()).isEqualTo(Isolation.NONE);
        assertThat(sandbox.testName()).isEqualTo("SandboxExtensionTests.Outer.Inner.inherits");
      }

      @Test
      @Sandboxed
      void method_goes_before_class(Sandbox sandbox) {
        see("inner", this);
        assertThat(sandbox.isolation()).isEqualTo(Isolation.TRANSACTION);
      }
    }
  }

  @Test
  void nested_classes_inherit_and_methods_take_precedence() {
    allSucceed(run(Outer.class), 3);
    assertThat(sandboxes()).hasSize(3);
  }

  @Retention(RetentionPolicy.RUNTIME)
  @Sandboxed(isolation = Isolation.NONE)
  @interface MessagesOnly {}

  @MessagesOnly
  static class Meta {
    @Test
    void meta(Sandbox sandbox) {
      assertThat(sandbox.isolation()).isEqualTo(Isolation.NONE);
    }
  }

  static class Inherited extends Meta {}

  static class OnMethod {
    @Test
    @MessagesOnly
    void with(Sandbox sandbox) {
      assertThat(sandbox.isolation()).isEqualTo(Isolation.NONE);
    }

    @Test
    void without() {
      assertThat(Work.current()).isNull();
    }
  }

  @Test
  void the_annotation_works_as_a_meta_annotation_inherited_and_on_methods() {
    allSucceed(run(Meta.class), 1);
    allSucceed(run(Inherited.class), 1);
    allSucceed(run(OnMethod.class), 2);
  }

  @Sandboxed
  static class Dynamic {

    @TestFactory
    Stream<DynamicTest> factory() {
      see("factory", this);
      return IntStream.range(0, 5)
          .mapToObj(
              n -> {
                see("lazy element", this);
                return DynamicTest.dynamicTest("dynamic " + n, () -> see("dynamic", this));
              });
    }
  }

  @Test
  void a_test_factory_is_one_sandbox_with_its_lazy_elements_and_tests() {
    allSucceed(run(Dynamic.class), 5);
    assertThat(SEEN).hasSize(11);
    assertThat(sandboxes()).hasSize(1);
    SEEN.clear();
    allSucceed(concurrently(Dynamic.class, 4), 5);
    assertThat(sandboxes()).hasSize(1);
    allHaveEnded();
  }

  @Sandboxed
  @Timeout(value = 20, threadMode = ThreadMode.SEPARATE_THREAD)
  static class SeparateThread {

    private final Thread made = Thread.currentThread();

    @BeforeAll
    static void before_all() {
      assertThat(Sandbox.isOutside()).isTrue();
    }

    @BeforeEach
    void before() {
      see("before", this);
    }

    @Test
    void test() {
      assertThat(Thread.currentThread()).isNotSameAs(made);
      see("test", this);
    }

    @AfterEach
    void after() {
      see("after", this);
    }
  }

  @Test
  void a_method_on_a_thread_of_its_own_is_in_its_sandbox() {
    allSucceed(run(SeparateThread.class), 1);
    assertThat(SEEN).hasSize(3);
    assertThat(sandboxes()).hasSize(1);
  }

  @Sandboxed
  static class InConstructor {
    InConstructor(Sandbox sandbox) {
      fail("made with " + sandbox);
    }

    @Test
    void test() {}
  }

  @Sandboxed
  static class InBeforeAll {
    @BeforeAll
    static void before_all(Sandbox sandbox) {
      fail("called with " + sandbox);
    }

    @Test
    void test() {}
  }

  @Test
  void a_sandbox_asked_for_too_early_is_refused_with_the_remedy() {
    run(InConstructor.class)
        .testEvents()
        .assertThatEvents()
        .haveExactly(
            1,
            event(
                finishedWithFailure(
                    message(
                        text ->
                            text.contains("There is no sandbox yet for parameter 'sandbox'")
                                && text.contains("parameter of a test method")))));
    run(InBeforeAll.class)
        .containerEvents()
        .assertThatEvents()
        .haveExactly(
            1,
            event(finishedWithFailure(message(text -> text.contains("There is no sandbox yet")))));
  }

  @Sandboxed
  static class Background {

    private static final ExecutorService POOL = Sandbox.wrap(Executors.newCachedThreadPool());

    @Test
    void fails_in_the_background() {
      see("test", this);
      POOL.execute(
          () -> {
            throw new IllegalStateException("no such batch");
          });
    }

    @Test
    @Sandboxed(backgroundErrors = Sandboxed.BackgroundErrors.REPORT)
    void only_reports() {
      POOL.submit(
          () -> {
            throw new IllegalStateException("no such batch");
          });
    }

    @Test
    void passes() {
      see("test", this);
    }

    @AfterAll
    static void stop() {
      POOL.shutdown();
    }
  }

  @Test
  void an_error_in_background_work_fails_its_test_and_no_other() {
    EngineExecutionResults results = run(Background.class);
    results.testEvents().assertStatistics(of -> of.started(3).succeeded(2).failed(1));
    results
        .testEvents()
        .assertThatEvents()
        .haveExactly(
            1,
            event(
                finishedWithFailure(
                    instanceOf(AssertionError.class),
                    message(
                        text ->
                            text.startsWith(
                                "Background work of SandboxExtensionTests.Background."
                                    + "fails_in_the_background failed")))));
    allHaveEnded();
  }

  @Sandboxed
  static class Failing {
    @Test
    void fails() {
      see("test", this);
      throw new IllegalArgumentException("the test's own");
    }

    @BeforeEach
    void before() {
      see("before", this);
    }

    @AfterEach
    void after() {
      see("after", this);
      throw new IllegalStateException("and the clean-up's");
    }
  }

  @Test
  void a_test_that_fails_ends_its_sandbox_and_keeps_its_own_error() {
    run(Failing.class)
        .testEvents()
        .assertThatEvents()
        .haveExactly(
            1,
            event(
                finishedWithFailure(
                    instanceOf(IllegalArgumentException.class), message("the test's own"))));
    allHaveEnded();
  }

  @Sandboxed
  static class Waiting {

    private static final Duration WAIT = Duration.ofMillis(20);

    @RepeatedTest(40)
    void waits(Sandbox sandbox) {
      int now = INSIDE.incrementAndGet();
      MOST_INSIDE.accumulateAndGet(now, Math::max);
      sandbox.sent(
          new Hop.Content(
              Hop.Direction.SENT, "q", null, Map.of(), new byte[0], new Hop.Ids("c", null, null)));
      refuteReceive(received("never"), WAIT);
      long began = System.nanoTime();
      assertEventually(
          () -> assertThat(System.nanoTime() - began).isGreaterThan(WAIT.toNanos()),
          Duration.ofSeconds(10));
      // The drain waits too.
      Work work = java.util.Objects.requireNonNull(sandbox.begin("late work"));
      Thread finisher = new Thread(() -> finishSoon(work));
      INSIDE.decrementAndGet();
      finisher.start();
    }

    private static void finishSoon(Work work) {
      try {
        new CountDownLatch(1).await(5, java.util.concurrent.TimeUnit.MILLISECONDS);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
      work.finish(null);
    }
  }

  @Test
  void no_more_tests_run_at_once_than_asked_for_while_they_wait() {
    allSucceed(concurrently(Waiting.class, 4), 40);
    assertThat(MOST_INSIDE).hasValue(4);
  }

  @Test
  void a_test_that_begins_on_the_thread_of_another_has_its_own_sandbox() throws Exception {
    Run run = Run.create();
    PerClass instance = new PerClass();
    var method = PerClass.class.getDeclaredMethod("repeated");
    TestSandbox outer = TestSandbox.enter(run, instance, method, SandboxExtension.class);
    outer.claim();
    TestSandbox inner = TestSandbox.enter(run, instance, method, SandboxExtension.class);
    assertThat(inner.sandbox()).isNotSameAs(outer.sandbox());
    assertThat(TestSandbox.enter(run, instance, method, Object.class)).isSameAs(inner);
    inner.end(null);
    assertThat(TestSandbox.current()).isSameAs(outer);
    outer.end(null);
    assertThat(Work.current()).isNull();
  }

  @Sandboxed
  static class Leaking {
    @Test
    void leaks() {
      see("test", this);
      Scope leaked = Scope.open(null, "the leaking test");
      assertThat(leaked).isNotNull();
    }
  }

  @Test
  void a_scope_that_a_test_leaves_open_fails_it_by_name_and_is_closed() {
    run(Leaking.class)
        .testEvents()
        .assertThatEvents()
        .haveExactly(
            1,
            event(
                finishedWithFailure(message(text -> text.contains("opened by the leaking test")))));
    allHaveEnded();
  }
}
