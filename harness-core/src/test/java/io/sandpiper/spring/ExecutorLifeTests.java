package io.sandpiper.spring;

import static io.sandpiper.SandboxAssertions.assertEventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.ExecutorServiceMetrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.springframework.boot.test.util.TestPropertyValues;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.support.DefaultLifecycleProcessor;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.core.task.support.ContextPropagatingTaskDecorator;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.SimpleAsyncTaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;

/** The life of executors that are beans, how they are measured, limited and decorated. */
@Timeout(60)
class ExecutorLifeTests {

  private final Run run = Run.create();
  private final CountDownLatch free = new CountDownLatch(1);
  private @Nullable AnnotationConfigApplicationContext opened;

  @AfterEach
  void close() {
    free.countDown();
    if (opened != null) {
      opened.close();
    }
  }

  private AnnotationConfigApplicationContext context() {
    AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
    opened = context;
    TestPropertyValues.of("sandpiper.enabled=true").applyTo(context);
    context.register(SandpiperAutoConfiguration.class);
    context.registerBean(
        "lifecycleProcessor", DefaultLifecycleProcessor.class, ExecutorLifeTests::impatient);
    return context;
  }

  /** A context that closes waits 10 s for what its executors do, before it shuts them down. */
  private static DefaultLifecycleProcessor impatient() {
    DefaultLifecycleProcessor lifecycle = new DefaultLifecycleProcessor();
    lifecycle.setTimeoutPerShutdownPhase(50);
    return lifecycle;
  }

  private ThreadPoolTaskExecutor executor(Consumer<ThreadPoolTaskExecutor> settings) {
    AnnotationConfigApplicationContext context = context();
    context.registerBean(
        ThreadPoolTaskExecutor.class,
        () -> {
          ThreadPoolTaskExecutor executor = new ThreadPoolTaskExecutor();
          executor.setCorePoolSize(1);
          settings.accept(executor);
          return executor;
        });
    return started(context).getBean(ThreadPoolTaskExecutor.class);
  }

  /** Start-up is over. */
  private static AnnotationConfigApplicationContext started(
      AnnotationConfigApplicationContext context) {
    context.refresh();
    context.getBean(ContextPhase.class).running();
    return context;
  }

  private Sandbox open(String name) {
    return run.open(
        Sandbox.Settings.of(name, Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }

  private static Thread closing(AnnotationConfigApplicationContext context) {
    Thread thread = new Thread(context::close, "closing");
    thread.start();
    return thread;
  }

  @Test
  void a_context_that_closes_lets_the_tasks_of_tests_complete_where_it_is_told_to()
      throws Exception {
    ThreadPoolTaskExecutor executor =
        executor(
            settings -> {
              settings.setWaitForTasksToCompleteOnShutdown(true);
              settings.setAwaitTerminationSeconds(30);
            });
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    AtomicInteger done = new AtomicInteger();
    CountDownLatch begun = new CountDownLatch(1);
    for (Sandbox each : List.of(one, other)) {
      try (Scope scope = each.test().bind()) {
        executor.execute(
            () -> {
              begun.countDown();
              await(free);
              assertThat(Sandbox.current()).isSameAs(each);
              done.incrementAndGet();
            });
      }
    }
    await(begun);
    Thread closing = closing(contextOf());
    awaitShutdown(executor);
    try (Scope scope = one.test().bind()) {
      assertThatThrownBy(() -> executor.execute(done::incrementAndGet))
          .isInstanceOf(RejectedExecutionException.class);
    }
    free.countDown();
    closing.join();
    assertThat(done).hasValue(2);
    run.end(one, null);
    run.end(other, null);
  }

  private AnnotationConfigApplicationContext contextOf() {
    if (opened == null) {
      throw new IllegalStateException("no context");
    }
    return opened;
  }

  private static void awaitShutdown(ThreadPoolTaskExecutor executor) {
    while (!executor.getThreadPoolExecutor().isShutdown()) {
      Thread.onSpinWait();
    }
  }

  @Test
  void a_context_that_closes_at_once_leaves_no_test_waiting_for_what_it_drops() throws Exception {
    ThreadPoolTaskExecutor executor = executor(settings -> {});
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch interrupted = new CountDownLatch(1);
    Future<?> dropped;
    try (Scope scope = one.test().bind()) {
      executor.execute(
          () -> {
            begun.countDown();
            try {
              assertThat(free.await(30, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException asProductionDoes) {
              interrupted.countDown();
            }
          });
    }
    await(begun);
    try (Scope scope = other.test().bind()) {
      dropped = executor.submit(() -> {});
      executor.execute(() -> {});
    }
    closing(contextOf()).join();
    await(interrupted);
    assertThat(dropped.isDone()).as("it is cancelled, as without the harness").isTrue();
    run.end(one, null);
    run.end(other, null);
  }

  @Test
  void an_executor_that_is_stopped_holds_the_tasks_of_a_test_until_it_is_started_again()
      throws Exception {
    ThreadPoolTaskExecutor executor = executor(settings -> {});
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    contextOf().stop();
    assertThat(executor.isRunning()).isFalse();
    List<Future<Sandbox>> held = new ArrayList<>();
    for (Sandbox each : List.of(one, other)) {
      try (Scope scope = each.test().bind()) {
        held.add(executor.submit(Sandbox::current));
      }
    }
    assertThat(held).noneMatch(Future::isDone);
    contextOf().start();
    assertThat(held.get(0).get()).isSameAs(one);
    assertThat(held.get(1).get()).isSameAs(other);
    run.end(one, null);
    run.end(other, null);
  }

  @Test
  void delayed_tasks_of_a_test_end_with_their_scheduler() throws Exception {
    AnnotationConfigApplicationContext context = context();
    context.registerBean(ThreadPoolTaskScheduler.class, ThreadPoolTaskScheduler::new);
    context.registerBean(SimpleAsyncTaskScheduler.class, SimpleAsyncTaskScheduler::new);
    started(context);
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    for (TaskScheduler scheduler : context.getBeansOfType(TaskScheduler.class).values()) {
      for (Sandbox each : List.of(one, other)) {
        try (Scope scope = each.test().bind()) {
          scheduler.schedule(() -> {}, scheduler.getClock().instant().plusSeconds(3600));
          scheduler.scheduleAtFixedRate(() -> {}, Duration.ofHours(1));
        }
      }
    }
    closing(context).join();
    run.end(one, null);
    run.end(other, null);
  }

  @Test
  void a_task_on_a_thread_of_its_own_is_waited_for_though_its_context_is_closed() throws Exception {
    AnnotationConfigApplicationContext context = context();
    context.registerBean(SimpleAsyncTaskExecutor.class, () -> new SimpleAsyncTaskExecutor());
    SimpleAsyncTaskExecutor executor = started(context).getBean(SimpleAsyncTaskExecutor.class);
    Sandbox sandbox = open("T.outlives");
    AtomicInteger done = new AtomicInteger();
    try (Scope scope = sandbox.test().bind()) {
      for (int i = 0; i < 10; i++) {
        executor.execute(done::incrementAndGet);
      }
    }
    closing(context).join();
    run.end(sandbox, null);
    assertThat(done).hasValue(10);
  }

  /** As {@code TaskExecutorMetricsAutoConfiguration} of Spring Boot binds them. */
  private static void measure(MeterRegistry registry, ExecutorService service, String name) {
    new ExecutorServiceMetrics(service, name, List.of()).bindTo(registry);
  }

  @Test
  void meters_show_what_executors_do_for_tests() throws Exception {
    AnnotationConfigApplicationContext context = context();
    context.registerBean(MeterRegistry.class, SimpleMeterRegistry::new);
    context.registerBean(ThreadPoolTaskExecutor.class, ThreadPoolTaskExecutor::new);
    context.registerBean(ThreadPoolTaskScheduler.class, ThreadPoolTaskScheduler::new);
    context.registerBean(
        "timed",
        ExecutorService.class,
        () ->
            ExecutorServiceMetrics.monitor(
                context.getBean(MeterRegistry.class), Executors.newFixedThreadPool(1), "timed"));
    started(context);
    MeterRegistry registry = context.getBean(MeterRegistry.class);
    ThreadPoolTaskExecutor executor = context.getBean(ThreadPoolTaskExecutor.class);
    ThreadPoolTaskScheduler scheduler = context.getBean(ThreadPoolTaskScheduler.class);
    ExecutorService timed = context.getBean("timed", ExecutorService.class);
    measure(registry, executor.getThreadPoolExecutor(), "executor");
    measure(registry, scheduler.getScheduledThreadPoolExecutor(), "scheduler");
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    for (Sandbox each : List.of(one, other)) {
      try (Scope scope = each.test().bind()) {
        assertThat(executor.submit(Sandbox::current).get()).isSameAs(each);
        assertThat(scheduler.submit(Sandbox::current).get()).isSameAs(each);
        assertThat(timed.submit(Sandbox::current).get()).isSameAs(each);
      }
    }
    // A task counts as completed a moment after its result is there.
    try (Scope scope = one.test().bind()) {
      assertEventually(
          () -> {
            for (String name : List.of("executor", "scheduler", "timed")) {
              assertThat(
                      registry
                          .get("executor.completed")
                          .tag("name", name)
                          .functionCounter()
                          .count())
                  .as(name)
                  .isEqualTo(2);
              assertThat(registry.get("executor.pool.size").tag("name", name).gauge().value())
                  .as(name)
                  .isPositive();
            }
          });
    }
    assertThat(registry.get("executor").tag("name", "timed").timer().count()).isEqualTo(2);
    run.end(one, null);
    run.end(other, null);
  }

  private void assertLimited(SimpleAsyncTaskExecutor settings) {
    AnnotationConfigApplicationContext context = context();
    settings.setConcurrencyLimit(2);
    context.registerBean(SimpleAsyncTaskExecutor.class, () -> settings);
    SimpleAsyncTaskExecutor executor = started(context).getBean(SimpleAsyncTaskExecutor.class);
    assertThat(executor.getConcurrencyLimit()).isEqualTo(2);
    assertThat(executor.isThrottleActive()).isTrue();
    AtomicInteger atOnce = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    List<Sandbox> sandboxes = List.of(open("T.one"), open("T.other"), open("T.third"));
    for (int i = 0; i < 20; i++) {
      for (Sandbox each : sandboxes) {
        try (Scope scope = each.test().bind()) {
          executor.execute(
              () -> {
                most.accumulateAndGet(atOnce.incrementAndGet(), Math::max);
                assertThat(Sandbox.current()).isSameAs(each);
                done.incrementAndGet();
                atOnce.decrementAndGet();
              });
        }
      }
    }
    sandboxes.forEach(each -> run.end(each, null));
    assertThat(done).hasValue(60);
    assertThat(most.get()).isBetween(1, 2);
  }

  @Test
  void a_limit_of_concurrent_tasks_is_that_of_all_tests_together() {
    assertLimited(new SimpleAsyncTaskExecutor("limited-"));
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "There are no virtual threads.")
  void a_limit_of_virtual_threads_is_that_of_all_tests_together() {
    SimpleAsyncTaskExecutor virtual = new SimpleAsyncTaskExecutor("limited-");
    virtual.setVirtualThreads(true);
    assertLimited(virtual);
  }

  @Test
  void a_decorator_of_the_application_is_around_the_task_and_not_around_its_scope()
      throws Exception {
    ThreadLocal<String> tenant = new ThreadLocal<>();
    ThreadPoolTaskExecutor executor =
        executor(
            settings ->
                settings.setTaskDecorator(
                    task -> {
                      String submitters = tenant.get();
                      return () -> {
                        tenant.set(submitters);
                        new ContextPropagatingTaskDecorator().decorate(task).run();
                        tenant.remove();
                      };
                    }));
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    for (Sandbox each : List.of(one, other, one)) {
      tenant.set("tenant of " + each.testName());
      try (Scope scope = each.test().bind()) {
        assertThat(executor.submit(() -> tenant.get()).get()).isEqualTo(tenant.get());
        assertThat(executor.submit(ExecutorLifeTests::here).get()).startsWith("task ");
      }
    }
    tenant.remove();
    assertThat(executor.submit(ExecutorLifeTests::here).get()).isEqualTo("nobody");
    run.end(one, null);
    run.end(other, null);
  }

  @Test
  void the_context_propagation_of_micrometer_does_not_hide_the_task_behind_its_submitter()
      throws Exception {
    ThreadPoolTaskExecutor executor =
        executor(settings -> settings.setTaskDecorator(new ContextPropagatingTaskDecorator()));
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    for (Sandbox each : List.of(one, other, one)) {
      try (Scope scope = each.test().bind()) {
        assertThat(executor.submit(ExecutorLifeTests::here).get()).startsWith("task ");
        assertThat(executor.submit(Sandbox::current).get()).isSameAs(each);
      }
    }
    assertThat(executor.submit(ExecutorLifeTests::here).get()).isEqualTo("nobody");
    run.end(one, null);
    run.end(other, null);
  }

  private static String here() {
    Work work = Work.current();
    return work == null ? "nobody" : work.origin();
  }

  static class OfTheJdk {
    @Bean(destroyMethod = "shutdown")
    ThreadPoolExecutor pool() {
      return (ThreadPoolExecutor) Executors.newFixedThreadPool(1);
    }
  }

  @Test
  void a_destroy_method_reaches_the_pool_behind_the_proxy() throws Exception {
    AnnotationConfigApplicationContext context = context();
    context.register(OfTheJdk.class);
    ThreadPoolExecutor pool = started(context).getBean(ThreadPoolExecutor.class);
    Sandbox sandbox = open("T.pool");
    try (Scope scope = sandbox.test().bind()) {
      assertThat(pool.submit(Sandbox::current).get()).isSameAs(sandbox);
    }
    closing(context).join();
    assertThat(pool.isShutdown()).isTrue();
    assertThat(pool.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    run.end(sandbox, null);
  }
}
