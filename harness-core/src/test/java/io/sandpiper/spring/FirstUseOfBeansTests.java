package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.CountedWork;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import jakarta.annotation.PostConstruct;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.test.util.TestPropertyValues;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;

/** Beans that are made, and contexts that are started, by the test that needs them first. */
@Timeout(60)
class FirstUseOfBeansTests {

  private final Run run = Run.create();
  private final Sandbox sandbox =
      run.open(
          Sandbox.Settings.of("T.test", Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));
  private final AnnotationConfigApplicationContext context =
      new AnnotationConfigApplicationContext();

  /** Begins a task and a periodic one when it is made. */
  static class Beginner {

    private final ThreadPoolTaskScheduler scheduler;
    private final LinkedBlockingQueue<Boolean> runs = new LinkedBlockingQueue<>();
    private Future<Boolean> task;
    private Future<?> periodic;

    Beginner(ThreadPoolTaskScheduler scheduler) {
      this.scheduler = scheduler;
    }

    @PostConstruct
    void begin() {
      task = scheduler.submit(Beginner::isSomebodys);
      periodic =
          scheduler.scheduleWithFixedDelay(() -> runs.add(isSomebodys()), Duration.ofMillis(1));
    }

    private static boolean isSomebodys() {
      return Work.current() != null;
    }
  }

  /** Begins when its context starts. */
  static class Started extends Beginner implements SmartLifecycle {

    private volatile boolean running;

    Started(ThreadPoolTaskScheduler scheduler) {
      super(scheduler);
    }

    @Override
    void begin() {}

    @Override
    public void start() {
      super.begin();
      running = true;
    }

    @Override
    public void stop() {
      running = false;
    }

    @Override
    public boolean isRunning() {
      return running;
    }
  }

  private void start(Class<? extends Beginner> bean, String scope) {
    TestPropertyValues.of("sandpiper.enabled=true").applyTo(context);
    context.register(SandpiperAutoConfiguration.class);
    context.registerBean(ThreadPoolTaskScheduler.class, ThreadPoolTaskScheduler::new);
    context.registerBean(
        bean,
        definition -> {
          definition.setScope(scope);
          definition.setLazyInit(bean == Beginner.class);
        });
    context.refresh();
    context.getBean(ContextPhase.class).running();
  }

  @AfterEach
  void close() {
    context.close();
  }

  private <T> T inTest(Supplier<T> deed) {
    try (Scope scope = sandbox.test().bind()) {
      return deed.get();
    }
  }

  private void assertNobodys(Beginner beginner) throws Exception {
    assertThat(CountedWork.of(sandbox)).isZero();
    assertThat(beginner.task.get()).isFalse();
    assertThat(beginner.runs.take()).isFalse();
    run.end(sandbox, null);
    beginner.runs.clear();
    assertThat(beginner.runs.take()).isFalse();
    assertThat(beginner.periodic.isCancelled()).isFalse();
  }

  @Test
  void what_a_lazy_singleton_begins_when_it_is_made_outlives_the_test() throws Exception {
    start(Beginner.class, BeanDefinition.SCOPE_SINGLETON);
    assertNobodys(inTest(() -> context.getBean(Beginner.class)));
    assertThat(sandbox.journal())
        .asString()
        .contains("begun by a singleton bean while it was made");
  }

  @Test
  void what_a_bean_begins_when_a_test_starts_its_context_outlives_the_test() throws Exception {
    assertNobodys(
        inTest(
            () -> {
              start(Started.class, BeanDefinition.SCOPE_SINGLETON);
              return context.getBean(Started.class);
            }));
  }

  @Test
  void what_a_prototype_begins_is_that_of_the_test_which_asks_for_it() throws Exception {
    start(Beginner.class, BeanDefinition.SCOPE_PROTOTYPE);
    assertTests(inTest(() -> context.getBean(Beginner.class)));
  }

  @Test
  void what_a_bean_of_the_scope_sandbox_begins_is_the_tests() throws Exception {
    start(Beginner.class, "sandbox");
    assertTests(inTest(() -> context.getBean(Beginner.class)));
  }

  private void assertTests(Beginner beginner) throws Exception {
    assertThat(beginner.task.get()).isTrue();
    assertThat(beginner.runs.take()).isTrue();
    run.end(sandbox, null);
    assertThat(beginner.periodic.isCancelled()).isTrue();
  }
}
