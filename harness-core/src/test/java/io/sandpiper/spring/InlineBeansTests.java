package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed.Background;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.time.Instant;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.assertj.AssertableApplicationContext;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.context.runner.ContextConsumer;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.context.event.EventListener;
import org.springframework.context.event.SimpleApplicationEventMulticaster;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.annotation.EnableTransactionManagement;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.event.TransactionalEventListener;
import org.springframework.transaction.support.AbstractPlatformTransactionManager;
import org.springframework.transaction.support.DefaultTransactionStatus;

/** Tasks of a test that wants them in its own thread, beside a neighbour that does not. */
class InlineBeansTests {

  /** Transactions of nothing: they begin, and call who listens to their commit. */
  static final class Transactions extends AbstractPlatformTransactionManager {
    private static final long serialVersionUID = 1;

    @Override
    protected Object doGetTransaction() {
      return this;
    }

    @Override
    protected void doBegin(Object transaction, TransactionDefinition definition) {}

    @Override
    protected void doCommit(DefaultTransactionStatus status) {}

    @Override
    protected void doRollback(DefaultTransactionStatus status) {}
  }

  record Event(String name) {}

  static class Seen {
    private final Queue<String> done = new ConcurrentLinkedQueue<>();

    /** Notes what is done, for which test, and whether in the thread that a test named so has. */
    void note(String what) {
      Work work = Work.current();
      String test = work == null ? "nobody" : work.sandbox().testName();
      boolean inline = Thread.currentThread().getName().equals(test);
      done.add("%s of %s%s".formatted(what, test, inline ? " inline" : ""));
    }
  }

  static class Service {

    private final Seen seen;
    private final ApplicationEventPublisher events;

    Service(Seen seen, ApplicationEventPublisher events) {
      this.seen = seen;
      this.events = events;
    }

    @Async
    public void note() {
      seen.note("@Async");
    }

    @Async
    public CompletableFuture<String> answer() {
      seen.note("@Async with a future");
      return CompletableFuture.completedFuture("answer");
    }

    @Async
    public void fail() {
      throw new IllegalStateException("in the background");
    }

    @Transactional
    public void place() {
      events.publishEvent(new Event("placed"));
      seen.note("transaction");
    }

    @Async
    @TransactionalEventListener
    public void afterCommit(Event event) {
      seen.note("after commit");
    }

    @Async
    @EventListener
    public void listener(String event) {
      seen.note("@Async listener");
    }
  }

  @EnableAsync(proxyTargetClass = true)
  @EnableTransactionManagement(proxyTargetClass = true)
  @Import({Seen.class, Service.class})
  static class Application {

    @Bean
    PlatformTransactionManager transactionManager() {
      return new Transactions();
    }

    @Bean
    ThreadPoolTaskExecutor taskExecutor() {
      return new ThreadPoolTaskExecutor();
    }

    @Bean
    ThreadPoolTaskScheduler taskScheduler() {
      return new ThreadPoolTaskScheduler();
    }
  }

  private final Run run = Run.create();

  private Sandbox open(String name, Background background) {
    return run.open(
        Sandbox.Settings.of(name, Isolation.NONE, this)
            .withBackground(background)
            .withDrain(Duration.ofSeconds(30)));
  }

  private static void run(
      Class<?> application, ContextConsumer<AssertableApplicationContext> test) {
    new ApplicationContextRunner()
        .withPropertyValues("sandpiper.enabled=true")
        .withConfiguration(AutoConfigurations.of(SandpiperAutoConfiguration.class))
        .withUserConfiguration(application)
        .run(
            context -> {
              context.getBean(ContextPhase.class).running();
              test.accept(context);
            });
  }

  /** The thread bears the name of the test. */
  private static void in(Sandbox sandbox, Runnable test) {
    Thread thread = Thread.currentThread();
    String name = thread.getName();
    thread.setName(sandbox.testName());
    try (Scope scope = sandbox.test().bind()) {
      test.run();
    } finally {
      thread.setName(name);
    }
  }

  private static void doEverything(AssertableApplicationContext context) {
    Seen seen = context.getBean(Seen.class);
    Service service = context.getBean(Service.class);
    service.note();
    CompletableFuture<String> answer = service.answer();
    service.place();
    context.publishEvent("event");
    context.getBean(ThreadPoolTaskExecutor.class).execute(() -> seen.note("executor"));
    ThreadPoolTaskScheduler scheduler = context.getBean(ThreadPoolTaskScheduler.class);
    scheduler.schedule(() -> seen.note("scheduler"), Instant.now());
    scheduler.scheduleWithFixedDelay(() -> seen.note("repeated"), Duration.ofDays(1));
    assertThat(answer.join()).isEqualTo("answer");
  }

  @Test
  void every_kind_of_task_has_ended_when_its_submitter_goes_on() {
    run(
        Application.class,
        context -> {
          Seen seen = context.getBean(Seen.class);
          Sandbox inline = open("T.inline", Background.INLINE);
          Sandbox neighbour = open("T.neighbour", Background.CONCURRENT);
          in(
              inline,
              () -> {
                doEverything(context);
                assertThat(seen.done)
                    .containsExactly(
                        "@Async of T.inline inline",
                        "@Async with a future of T.inline inline",
                        "transaction of T.inline inline",
                        "after commit of T.inline inline",
                        "@Async listener of T.inline inline",
                        "executor of T.inline inline",
                        "scheduler of T.inline inline",
                        "repeated of T.inline inline");
              });
          seen.done.clear();
          in(neighbour, () -> doEverything(context));
          run.end(inline, null);
          run.end(neighbour, null);
          assertThat(seen.done)
              .contains(
                  "transaction of T.neighbour inline",
                  "@Async of T.neighbour",
                  "@Async with a future of T.neighbour",
                  "after commit of T.neighbour",
                  "@Async listener of T.neighbour",
                  "executor of T.neighbour",
                  "scheduler of T.neighbour")
              .allMatch(what -> what.contains("of T.neighbour"));
        });
  }

  @Test
  void a_delayed_task_has_no_delay() {
    run(
        Application.class,
        context -> {
          Seen seen = context.getBean(Seen.class);
          Sandbox inline = open("T.delayed", Background.INLINE);
          in(
              inline,
              () ->
                  context
                      .getBean(ThreadPoolTaskScheduler.class)
                      .schedule(() -> seen.note("task"), Instant.now().plusSeconds(3600)));
          assertThat(seen.done).containsExactly("task of T.delayed inline");
          run.end(inline, null);
        });
  }

  @Test
  void a_failure_is_not_thrown_at_the_submitter_and_fails_the_test() {
    run(
        Application.class,
        context -> {
          Sandbox inline = open("T.fails", Background.INLINE);
          in(inline, () -> context.getBean(Service.class).fail());
          assertThatThrownBy(() -> run.end(inline, null))
              .isInstanceOf(AssertionError.class)
              .hasRootCauseMessage("in the background");
        });
  }

  static class Listener {
    private final Seen seen;

    Listener(Seen seen) {
      this.seen = seen;
    }

    @EventListener
    void on(String event) {
      seen.note(event);
    }
  }

  @Import({Seen.class, Listener.class})
  static class Multicasting {
    @Bean
    SimpleApplicationEventMulticaster applicationEventMulticaster() {
      SimpleApplicationEventMulticaster multicaster = new SimpleApplicationEventMulticaster();
      multicaster.setTaskExecutor(new SimpleAsyncTaskExecutor());
      return multicaster;
    }
  }

  @Test
  void listeners_of_an_asynchronous_multicaster_are_called_at_once() {
    run(
        Multicasting.class,
        context -> {
          Seen seen = context.getBean(Seen.class);
          Sandbox inline = open("T.inline", Background.INLINE);
          Sandbox neighbour = open("T.neighbour", Background.CONCURRENT);
          in(
              inline,
              () -> {
                context.publishEvent("event");
                assertThat(seen.done).containsExactly("event of T.inline inline");
              });
          in(neighbour, () -> context.publishEvent("event"));
          run.end(inline, null);
          run.end(neighbour, null);
          assertThat(seen.done).containsExactly("event of T.inline inline", "event of T.neighbour");
        });
  }
}
