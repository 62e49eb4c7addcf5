package io.sandpiper.spring;

import static io.sandpiper.Expectation.called;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.springframework.aop.interceptor.AsyncUncaughtExceptionHandler;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.task.TaskExecutionAutoConfiguration;
import org.springframework.boot.test.context.assertj.AssertableApplicationContext;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.context.runner.ContextConsumer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.PayloadApplicationEvent;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.context.event.EventListener;
import org.springframework.context.event.SimpleApplicationEventMulticaster;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.AsyncConfigurer;
import org.springframework.scheduling.annotation.EnableAsync;

/** Asynchronous methods and listeners, whatever executor runs them. */
class AsyncTests {

  static class Service {

    private final Queue<String> seen = new ConcurrentLinkedQueue<>();
    private final CountDownLatch free = new CountDownLatch(1);

    public Queue<String> seen() {
      return seen;
    }

    public void free() {
      free.countDown();
    }

    @Async
    public void note(String what) {
      seen.add(what + " in " + (Work.current() == null ? "none" : Sandbox.current().testName()));
    }

    @Async
    public void slowly(String what) throws InterruptedException {
      assertThat(free.await(30, TimeUnit.SECONDS)).isTrue();
      note(what);
    }

    @Async
    public void fails() {
      throw new IllegalStateException("swallowed");
    }

    @Async
    public Future<String> failsInAFuture() {
      throw new IllegalStateException("in a future");
    }

    @Async
    public CompletableFuture<String> failsInACompletableFuture() {
      throw new IllegalStateException("in a completable future");
    }

    @Async
    public CompletableFuture<String> answers() {
      return CompletableFuture.completedFuture(Sandbox.current().testName());
    }
  }

  @EnableAsync
  @Import(Service.class)
  static class Plain {}

  /** With an executor and a handler that are no beans. */
  @EnableAsync
  @Import(Service.class)
  static class Configured implements AsyncConfigurer {

    final ExecutorService pool = Executors.newFixedThreadPool(2);
    final Queue<Throwable> handled = new ConcurrentLinkedQueue<>();

    @Override
    public Executor getAsyncExecutor() {
      return pool;
    }

    @Override
    public AsyncUncaughtExceptionHandler getAsyncUncaughtExceptionHandler() {
      return (failure, method, arguments) -> handled.add(failure);
    }

    @Bean
    AutoCloseable end() {
      return pool::shutdownNow;
    }
  }

  private final Run run = Run.create();

  private Sandbox open(String name) {
    return run.open(
        Sandbox.Settings.of(name, Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));
  }

  private static void everywhere(ContextConsumer<AssertableApplicationContext> test) {
    ApplicationContextRunner contexts =
        new ApplicationContextRunner()
            .withPropertyValues("sandpiper.enabled=true")
            .withConfiguration(AutoConfigurations.of(SandpiperAutoConfiguration.class));
    contexts
        .withUserConfiguration(Plain.class)
        .withConfiguration(AutoConfigurations.of(TaskExecutionAutoConfiguration.class))
        .run(test);
    contexts.withUserConfiguration(Plain.class).run(test);
    contexts.withUserConfiguration(Configured.class).run(test);
  }

  @Test
  void interleaved_tests_have_their_own_tasks_drained() {
    everywhere(
        context -> {
          Service service = context.getBean(Service.class);
          List<Sandbox> sandboxes = new ArrayList<>();
          for (int i = 0; i < 20; i++) {
            Sandbox sandbox = open("T" + i);
            sandboxes.add(sandbox);
            try (Scope scope = sandbox.test().bind()) {
              service.note("a" + i);
              assertThat(service.answers().get()).isEqualTo("T" + i);
            }
          }
          for (int i = 0; i < 20; i++) {
            run.end(sandboxes.get(i), null);
            assertThat(service.seen()).contains("a%d in T%d".formatted(i, i));
          }
        });
  }

  @Test
  void the_failure_of_a_void_method_fails_the_test() {
    everywhere(
        context -> {
          Sandbox sandbox = open("T.void");
          try (Scope scope = sandbox.test().bind()) {
            context.getBean(Service.class).fails();
          }
          assertThatThrownBy(() -> run.end(sandbox, null))
              .isInstanceOf(AssertionError.class)
              .hasMessageContaining(
                  "failed: task AsyncTests$Service.fails, submitted at"
                      + " io.sandpiper.spring.AsyncTests.")
              .hasRootCauseMessage("swallowed");
          context
              .getBeanProvider(Configured.class)
              .ifAvailable(own -> assertThat(own.handled).hasSize(1));
        });
  }

  @Test
  void a_failure_in_a_future_fails_the_test_unless_somebody_looks() {
    everywhere(
        context -> {
          Service service = context.getBean(Service.class);
          Sandbox looks = open("T.looks");
          try (Scope scope = looks.test().bind()) {
            assertThatThrownBy(() -> service.failsInAFuture().get())
                .hasRootCauseMessage("in a future");
            assertThatThrownBy(() -> service.failsInACompletableFuture().get())
                .hasRootCauseMessage("in a completable future");
          }
          run.end(looks, null);
          Sandbox one = open("T.one");
          try (Scope scope = one.test().bind()) {
            Future<String> ignored = service.failsInAFuture();
            assertThat(ignored).isNotNull();
          }
          assertThatThrownBy(() -> run.end(one, null))
              .hasMessageContaining("failed: task AsyncTests$Service.failsInAFuture, submitted")
              .hasRootCauseMessage("in a future");
          Sandbox other = open("T.other");
          try (Scope scope = other.test().bind()) {
            CompletableFuture<String> ignored = service.failsInACompletableFuture();
            assertThat(ignored).isNotNull();
          }
          assertThatThrownBy(() -> run.end(other, null))
              .hasMessageContaining("AsyncTests$Service.failsInACompletableFuture, wrapped at")
              .hasRootCauseMessage("in a completable future");
        });
  }

  @Test
  void a_method_that_does_not_end_is_called_by_its_name() {
    everywhere(
        context -> {
          Service service = context.getBean(Service.class);
          Sandbox sandbox =
              run.open(
                  Sandbox.Settings.of("T.slow", Isolation.NONE, this)
                      .withDrain(Duration.ofMillis(50)));
          Sandbox neighbour = open("T.neighbour");
          try (Scope scope = sandbox.test().bind()) {
            service.slowly("x");
          }
          try (Scope scope = neighbour.test().bind()) {
            service.note("y");
          }
          assertThatThrownBy(() -> run.end(sandbox, null))
              .hasMessageContaining(
                  "still open:\n  task AsyncTests$Service.slowly, submitted at"
                      + " io.sandpiper.spring.AsyncTests.")
              .hasMessageNotContaining("Service.note");
          service.free();
          run.end(neighbour, null);
        });
  }

  @Test
  void a_watched_call_has_ended_when_its_task_has() {
    everywhere(
        context -> {
          Sandbox sandbox = open("T.watches");
          sandbox.application(
              new ContextUnderTest(
                  (ConfigurableApplicationContext) context.getSourceApplicationContext()));
          Service service = context.getBean(Service.class);
          try (Scope scope = sandbox.test().bind()) {
            sandbox.watch(Service.class);
            sandbox.watch(Service.class);
            service.slowly("x");
            assertThatThrownBy(
                    () -> assertReceive(called(Service.class, "slowly"), Duration.ofMillis(20)))
                .isInstanceOf(AssertionError.class);
            service.free();
            assertThat(assertReceive(called(Service.class, "slowly")).header("outcome"))
                .isEqualTo("returned");
            service.fails();
            assertThat(assertReceive(called(Service.class, "fails")).header("outcome"))
                .isEqualTo("threw java.lang.IllegalStateException: swallowed");
          }
          assertThatThrownBy(() -> run.end(sandbox, null)).hasRootCauseMessage("swallowed");
        });
  }

  static class Listener {

    final Queue<String> seen = new ConcurrentLinkedQueue<>();

    @EventListener
    void on(PayloadApplicationEvent<String> event) {
      seen.add(event.getPayload() + " in " + Sandbox.current().testName());
      if (event.getPayload().equals("bad")) {
        throw new IllegalStateException("bad event");
      }
    }
  }

  @Import(Listener.class)
  static class Multicasting {
    @Bean
    SimpleApplicationEventMulticaster applicationEventMulticaster() {
      SimpleApplicationEventMulticaster multicaster = new SimpleApplicationEventMulticaster();
      multicaster.setTaskExecutor(new SimpleAsyncTaskExecutor());
      return multicaster;
    }
  }

  private static String text(String name) {
    return name + " in " + name;
  }

  @Test
  void listeners_of_an_asynchronous_multicaster_belong_to_the_test_that_published() {
    new ApplicationContextRunner()
        .withPropertyValues("sandpiper.enabled=true")
        .withConfiguration(AutoConfigurations.of(SandpiperAutoConfiguration.class))
        .withUserConfiguration(Multicasting.class)
        .run(
            context -> {
              Sandbox one = open("one");
              Sandbox other = open("other");
              try (Scope scope = one.test().bind()) {
                context.publishEvent("one");
                context.publishEvent("bad");
              }
              try (Scope scope = other.test().bind()) {
                context.publishEvent("other");
              }
              run.end(other, null);
              assertThatThrownBy(() -> run.end(one, null)).hasRootCauseMessage("bad event");
              assertThat(context.getBean(Listener.class).seen)
                  .containsExactlyInAnyOrder(text("one"), text("other"), "bad in one");
            });
  }
}
