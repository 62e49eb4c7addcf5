package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.aop.support.AopUtils;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.assertj.AssertableApplicationContext;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.context.runner.ContextConsumer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.annotation.SchedulingConfigurer;
import org.springframework.scheduling.concurrent.ConcurrentTaskExecutor;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;
import org.springframework.scheduling.config.ScheduledTaskRegistrar;

/** The ways of declaring what is asynchronous. */
class AsyncVariantsTests {

  interface Answering {
    CompletableFuture<String> pooled();

    Future<String> simple();

    CompletableFuture<String> adapted();

    CompletableFuture<String> ofTheJdk();

    void fails();
  }

  static class Service implements Answering {

    private static String here() {
      Work work = Work.current();
      String thread = Thread.currentThread().getName();
      return (work == null ? "nobody" : work.sandbox().testName())
          + " on "
          + thread.substring(0, thread.indexOf('-'));
    }

    @Override
    @Async("pooled")
    public CompletableFuture<String> pooled() {
      return CompletableFuture.completedFuture(here());
    }

    @Override
    @Async("simple")
    public Future<String> simple() {
      return CompletableFuture.completedFuture(here());
    }

    @Override
    @Async("adapted")
    public CompletableFuture<String> adapted() {
      return CompletableFuture.completedFuture(here());
    }

    @Override
    @Async("ofTheJdk")
    public CompletableFuture<String> ofTheJdk() {
      return CompletableFuture.completedFuture(here());
    }

    @Override
    @Async("ofTheJdk")
    public void fails() {
      throw new IllegalStateException("on " + Thread.currentThread().getName());
    }
  }

  static class AllExecutors {

    @Bean
    ThreadPoolTaskExecutor pooled() {
      ThreadPoolTaskExecutor executor = new ThreadPoolTaskExecutor();
      executor.setThreadNamePrefix("pooled-");
      return executor;
    }

    @Bean
    SimpleAsyncTaskExecutor simple() {
      return new SimpleAsyncTaskExecutor("simple-");
    }

    @Bean
    ExecutorService ofTheJdk() {
      return Executors.newFixedThreadPool(1, task -> new Thread(task, "jdk-1"));
    }

    @Bean
    ConcurrentTaskExecutor adapted() {
      return new ConcurrentTaskExecutor(
          Executors.newFixedThreadPool(1, task -> new Thread(task, "adapted-1")));
    }
  }

  @EnableAsync
  @Import({Service.class, AllExecutors.class})
  static class ByInterfaces {}

  @EnableAsync(proxyTargetClass = true)
  @Import({Service.class, AllExecutors.class})
  static class ByClasses {}

  private final Run run = Run.create();

  private Sandbox open(String name) {
    return run.open(
        Sandbox.Settings.of(name, Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));
  }

  private static void run(
      Class<?> application, ContextConsumer<AssertableApplicationContext> test) {
    new ApplicationContextRunner()
        .withPropertyValues("sandpiper.enabled=true")
        .withConfiguration(AutoConfigurations.of(SandpiperAutoConfiguration.class))
        .withUserConfiguration(application)
        .run(test);
  }

  @ParameterizedTest
  @ValueSource(classes = {ByInterfaces.class, ByClasses.class})
  void a_qualifier_names_the_executor_whatever_it_is_and_the_proxy_too(Class<?> application) {
    run(
        application,
        context -> {
          Answering service = context.getBean(Answering.class);
          assertThat(AopUtils.isJdkDynamicProxy(service))
              .isEqualTo(application == ByInterfaces.class);
          Sandbox one = open("T.one");
          Sandbox other = open("T.other");
          for (Sandbox each : List.of(one, other, one)) {
            String name = each.testName();
            try (Scope scope = each.test().bind()) {
              assertThat(service.pooled().get()).isEqualTo(name + " on pooled");
              assertThat(service.simple().get()).isEqualTo(name + " on simple");
              assertThat(service.adapted().get()).isEqualTo(name + " on adapted");
              assertThat(service.ofTheJdk().get()).isEqualTo(name + " on jdk");
            }
          }
          assertThat(service.pooled().get()).isEqualTo("nobody on pooled");
          assertThat(service.ofTheJdk().get()).isEqualTo("nobody on jdk");
          try (Scope scope = one.test().bind()) {
            service.fails();
          }
          run.end(other, null);
          assertThatThrownBy(() -> run.end(one, null)).hasRootCauseMessage("on jdk-1");
        });
  }

  @EnableScheduling
  static class Registering implements SchedulingConfigurer {

    final ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
    final CountDownLatch several = new CountDownLatch(3);

    @Override
    public void configureTasks(ScheduledTaskRegistrar registrar) {
      registrar.addFixedDelayTask(
          () -> {
            seen.add(Work.current() == null ? "nobody" : Sandbox.current().testName());
            several.countDown();
          },
          Duration.ofMillis(1));
    }
  }

  @Test
  void a_task_that_a_SchedulingConfigurer_registers_goes_on_and_belongs_to_no_test() {
    Sandbox sandbox = open("T.starts");
    run(
        Registering.class,
        context -> {
          assertThat(context).hasNotFailed();
          Registering registering = context.getBean(Registering.class);
          assertThat(registering.several.await(30, TimeUnit.SECONDS)).isTrue();
          assertThat(registering.seen).containsOnly("nobody");
        });
    run.end(sandbox, null);
  }
}
