package io.sandpiper.spring;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Journal;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.agent.CallWatching;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.context.support.GenericApplicationContext;

/**
 * A bean that one test watches by its proxy and another by the agent, at once; run by the tests of
 * the agent.
 */
public class BeansWatchedByTwo {

  /** The bean. */
  static class Orders {

    void place(String item) {
      check(item);
    }

    int check(String item) {
      return item.length();
    }
  }

  private final Run run = Run.ofThisJvm();
  private final Orders target = new Orders();
  private final GenericApplicationContext context = context();
  private final Orders bean = context.getBean(Orders.class);
  private final Sandbox byProxy = open("proxy");
  private final Sandbox byAgent = open("agent");

  private Sandbox open(String name) {
    return run.open(
        Sandbox.Settings.of(name, Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));
  }

  private GenericApplicationContext context() {
    ProxyFactory factory = new ProxyFactory(target);
    factory.setProxyTargetClass(true);
    GenericApplicationContext made = new GenericApplicationContext();
    made.registerBean("orders", Orders.class, () -> (Orders) factory.getProxy());
    made.refresh();
    return made;
  }

  @BeforeEach
  void watch() {
    CallWatching.register(run);
    byAgent.watch(Orders.class);
    byProxy.application(new ContextUnderTest(context));
    byProxy.watch(Orders.class);
    // The first one that was asked goes on telling.
    byProxy.watch(Orders.class);
  }

  @AfterEach
  void end() {
    run.end(byProxy, null);
    run.end(byAgent, null);
    context.close();
  }

  private static List<String> calls(Sandbox sandbox) {
    return sandbox.journal().entries().stream()
        .map(Journal.Entry::text)
        .filter(text -> text.startsWith("called "))
        .map(text -> text.replaceAll(".*Orders\\.(\\w+).*  (returned.*)", "$1 $2"))
        .toList();
  }

  private void each(Sandbox sandbox, Orders called, int times) {
    try (Scope scope = sandbox.test().bind()) {
      for (int i = 0; i < times; i++) {
        called.place("bolt");
      }
    }
  }

  @Test
  void has_each_call_recorded_once_and_as_its_test_watches_it() {
    each(byProxy, bean, 1);
    assertThat(calls(byProxy))
        .as("a bean's calls of itself pass no proxy")
        .containsExactly("place returned");
    each(byAgent, bean, 1);
    assertThat(calls(byAgent)).containsExactly("check returned 4", "place returned");
    each(byProxy, target, 1);
    assertThat(calls(byProxy)).as("no call of the proxy").hasSize(1);
    each(byAgent, target, 1);
    assertThat(calls(byAgent)).hasSize(4);
  }

  @Test
  void has_calls_recorded_once_when_both_call_at_once() throws Exception {
    ExecutorService testers = Executors.newFixedThreadPool(2);
    Future<?> one = testers.submit(() -> each(byProxy, bean, 100));
    Future<?> other = testers.submit(() -> each(byAgent, bean, 100));
    one.get();
    other.get();
    testers.shutdown();
    assertThat(calls(byProxy)).hasSize(100).containsOnly("place returned");
    assertThat(calls(byAgent)).hasSize(200).contains("check returned 4", "place returned");
  }
}
