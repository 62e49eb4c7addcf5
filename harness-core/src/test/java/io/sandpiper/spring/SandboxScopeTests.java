package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import jakarta.annotation.PreDestroy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.task.TaskExecutionAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ScopedProxyMode;
import org.springframework.context.event.EventListener;
import org.springframework.core.task.AsyncTaskExecutor;

/** The scope {@code sandbox}. */
class SandboxScopeTests {

  static class Cart {

    private final Counts counts;
    private final List<String> items = new ArrayList<>();

    Cart(Counts counts) {
      this.counts = counts;
      counts.made.incrementAndGet();
    }

    synchronized void add(String item) {
      items.add(item);
    }

    synchronized List<String> items() {
      return List.copyOf(items);
    }

    @PreDestroy
    void end() {
      counts.destroyed.incrementAndGet();
    }
  }

  static class Counts {
    final AtomicInteger made = new AtomicInteger();
    final AtomicInteger destroyed = new AtomicInteger();
  }

  static class Application {

    @Bean
    Counts counts() {
      return new Counts();
    }

    @Bean
    @org.springframework.context.annotation.Scope(
        scopeName = "sandbox",
        proxyMode = ScopedProxyMode.TARGET_CLASS)
    Cart cart(Counts counts) {
      return new Cart(counts);
    }

    @Bean
    Shop shop(Cart cart) {
      return new Shop(cart);
    }
  }

  /** A singleton whose state is a test's own. */
  record Shop(Cart cart) {

    @EventListener
    void on(String item) {
      cart.add(item);
    }
  }

  private final Run run = Run.create();

  private final ApplicationContextRunner contexts =
      new ApplicationContextRunner()
          .withPropertyValues("sandpiper.enabled=true")
          .withConfiguration(
              AutoConfigurations.of(
                  SandpiperAutoConfiguration.class, TaskExecutionAutoConfiguration.class))
          .withUserConfiguration(Application.class);

  private Sandbox open(String name) {
    return run.open(
        Sandbox.Settings.of(name, Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));
  }

  @Test
  void a_bean_is_a_tests_own_from_the_test_a_listener_and_a_task_and_ends_with_it() {
    contexts.run(
        context -> {
          Shop shop = context.getBean(Shop.class);
          Counts counts = context.getBean(Counts.class);
          AsyncTaskExecutor executor = context.getBean(AsyncTaskExecutor.class);
          List<Sandbox> sandboxes = List.of(open("a"), open("b"), open("c"));
          shop.cart().add("nobody's");
          for (Sandbox sandbox : sandboxes) {
            try (Scope scope = sandbox.test().bind()) {
              shop.cart().add("test " + sandbox.testName());
              context.publishEvent("listener " + sandbox.testName());
              executor.submit(() -> shop.cart().add("task " + sandbox.testName())).get();
            }
          }
          for (Sandbox sandbox : sandboxes) {
            String name = sandbox.testName();
            try (Scope scope = sandbox.test().bind()) {
              assertThat(shop.cart().items())
                  .containsExactly("test " + name, "listener " + name, "task " + name);
            }
          }
          assertThat(counts.made).hasValue(4);
          run.end(sandboxes.get(0), null);
          assertThat(counts.destroyed).hasValue(1);
          try (Scope scope = sandboxes.get(0).test().bind()) {
            assertThatThrownBy(() -> shop.cart().items()).hasStackTraceContaining("has ended");
          }
          run.end(sandboxes.get(1), null);
          run.end(sandboxes.get(2), null);
          assertThat(counts.destroyed).hasValue(3);
          assertThat(shop.cart().items()).containsExactly("nobody's");
          context.getSourceApplicationContext().close();
          assertThat(counts.destroyed).hasValue(4);
        });
  }

  @Test
  void a_bean_that_is_removed_is_made_again() {
    contexts.run(
        context -> {
          Shop shop = context.getBean(Shop.class);
          Counts counts = context.getBean(Counts.class);
          Sandbox sandbox = open("removes");
          try (Scope scope = sandbox.test().bind()) {
            shop.cart().add("x");
            context.getBeanFactory().destroyScopedBean("scopedTarget.cart");
            assertThat(counts.destroyed).hasValue(1);
            assertThat(shop.cart().items()).isEmpty();
          }
          run.end(sandbox, null);
          assertThat(counts.made).hasValue(2);
          assertThat(counts.destroyed).hasValue(2);
        });
  }
}
