package io.sandpiper;

import static io.sandpiper.Expectation.called;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.context.Scope;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Calls that a test watches and scheduled methods that it runs, with an application of its own. */
@Timeout(60)
class WatchTests {

  private static final Duration SHORT = Duration.ofMillis(50);
  private static final Duration LONG = Duration.ofSeconds(30);

  /** A component of the application. */
  interface Orders {
    int place(String customer, List<Line> lines);

    void cancel(int order) throws IOException;
  }

  record Line(String article, int count) {}

  private static final class Shop implements Orders {
    private int placed;

    @Override
    public synchronized int place(String customer, List<Line> lines) {
      return ++placed;
    }

    @Override
    public void cancel(int order) throws IOException {
      throw new IOException("order %d has left".formatted(order));
    }
  }

  private static final class Poller {
    private final List<String> ran = new ArrayList<>();

    void poll() {
      Work work = Objects.requireNonNull(Work.current());
      assertThat(ExecutorContract.counted(work.sandbox())).contains(work);
      ran.add("poll of " + work.sandbox().testName());
    }
  }

  /** What an integration does: tells of calls that go through it, and runs what is scheduled. */
  private static final class Application implements ApplicationUnderTest {
    private final Poller poller = new Poller();
    private final Orders orders = watchable(new Shop());

    private static Orders watchable(Orders target) {
      return (Orders)
          Proxy.newProxyInstance(
              Orders.class.getClassLoader(),
              new Class<?>[] {Orders.class},
              (proxy, method, arguments) -> {
                WatchedCall call =
                    WatchedCall.begin(
                        WatchedCall.Teller.APPLICATION, Shop.class, method.getName(), arguments);
                try {
                  Object result = method.invoke(target, arguments);
                  if (call != null) {
                    call.returned(result);
                  }
                  return result;
                } catch (InvocationTargetException thrown) {
                  Throwable failure = Objects.requireNonNull(thrown.getCause());
                  if (call != null) {
                    call.threw(failure);
                  }
                  throw failure;
                }
              });
    }

    @Override
    public void tick(Class<?> component, @Nullable String method) throws Exception {
      if (component != Poller.class) {
        throw new IllegalArgumentException("no scheduled methods in " + component);
      }
      if ("fail".equals(method)) {
        throw new IOException("the poller failed");
      }
      poller.poll();
    }

    @Override
    public boolean watch(Class<?> component) {
      return component.isAssignableFrom(Shop.class);
    }
  }

  private final Run run = Run.create();
  private final Application application = new Application();
  private final ExecutorService pool = Executors.newFixedThreadPool(4);
  private final ExecutorService scoped = Sandbox.wrap(pool);
  private final Sandbox one = open("T.one");
  private final Sandbox other = open("T.other");

  @AfterEach
  void stop() {
    pool.shutdownNow();
  }

  private Sandbox open(String name) {
    Sandbox sandbox = run.open(Sandbox.Settings.of(name, Isolation.NONE, this));
    sandbox.application(application);
    return sandbox;
  }

  @Test
  void a_test_gets_the_calls_that_it_makes_with_arguments_and_outcome() {
    one.watch(Orders.class);
    try (Scope scope = one.test().bind()) {
      application.orders.place("acme", List.of(new Line("bolt", 3)));
      Hop call =
          assertReceive(
              called(Orders.class, "place").json("/0", "acme").json("/1/0/count", 3),
              Duration.ZERO);
      assertThat(call.direction()).isEqualTo(Hop.Direction.CALLED);
      assertThat(call.text()).isEqualTo("[\"acme\",[{\"article\":\"bolt\",\"count\":3}]]");
      assertThat(call.header("outcome")).isEqualTo("returned 1");
      assertThatThrownBy(() -> application.orders.cancel(1)).isInstanceOf(IOException.class);
      assertReceive(
          called(Orders.class, "cancel")
              .header("outcome", "threw java.io.IOException: order 1 has left"));
      refuteReceive(called(Orders.class, "cancel"), SHORT);
    }
    assertThat(one.journal().toString())
        .contains("called io.sandpiper.WatchTests$Orders.place", "returned 1");
    run.end(one, null);
    run.end(other, null);
  }

  @Test
  void interleaved_tests_get_their_own_calls_on_whatever_thread_and_others_none() throws Exception {
    Sandbox unwatched = open("T.unwatched");
    one.watch(Orders.class);
    other.watch(Shop.class);
    for (int i = 0; i < 100; i++) {
      for (Sandbox sandbox : List.of(one, other, unwatched)) {
        int number = i;
        try (Scope scope = sandbox.test().bind()) {
          scoped.execute(
              () -> application.orders.place(sandbox.testName(), List.of(new Line("n", number))));
        }
      }
    }
    for (int i = 0; i < 100; i++) {
      try (Scope scope = one.test().bind()) {
        assertReceive(
            called(Orders.class, "place").json("/0", "T.one").json("/1/0/count", i), LONG);
      }
      try (Scope scope = other.test().bind()) {
        assertReceive(
            called(Shop.class, "place").json("/0", "T.other").json("/1/0/count", i), LONG);
      }
    }
    run.end(one, null);
    run.end(other, null);
    run.end(unwatched, null);
    assertThat(unwatched.mailbox().size()).isZero();
    assertThat(one.mailbox().size()).isEqualTo(100);
    assertThat(other.mailbox().size()).isEqualTo(100);
    assertThat(application.orders.place("nobody", List.of())).isEqualTo(301);
  }

  @Test
  void a_call_wakes_the_test_that_waits_for_it() throws Exception {
    one.watch(Orders.class);
    CountDownLatch go = new CountDownLatch(1);
    try (Scope scope = one.test().bind()) {
      scoped.submit(
          () -> {
            go.await();
            return application.orders.place("late", List.of());
          });
      go.countDown();
      assertThat(assertReceive(called(Orders.class, "place"), LONG).json().at("/0").asString())
          .isEqualTo("late");
    }
    run.end(one, null);
  }

  @Test
  void a_call_that_does_not_come_is_told_with_those_that_did() {
    one.watch(Orders.class);
    try (Scope scope = one.test().bind()) {
      application.orders.place("acme", List.of());
      assertThatThrownBy(
              () -> assertReceive(called(Orders.class, "place").json("/0", "other"), SHORT))
          .isInstanceOf(AssertionError.class)
          .hasMessageStartingWith(
              "No call matched within 50 ms: called \"io.sandpiper.WatchTests$Orders.place\" where"
                  + " /0 is \"other\"\nWatched calls of T.one (test id ")
          .hasMessageContaining("), 1 call, none matched:\n  #1 +")
          .hasMessageContaining("closest: /0 was \"acme\"");
      assertThatThrownBy(() -> refuteReceive(called(Orders.class, "place"), SHORT))
          .hasMessageStartingWith(
              "A call matched that should not have come: called"
                  + " \"io.sandpiper.WatchTests$Orders.place\"\n  #1 +");
    }
    run.end(one, null);
  }

  private static void told(String method, @Nullable Object... arguments) {
    WatchedCall call =
        WatchedCall.begin(WatchedCall.Teller.APPLICATION, Shop.class, method, arguments);
    Objects.requireNonNull(call).returned();
  }

  @Test
  void what_is_no_json_is_there_as_text() {
    one.watch(Orders.class);
    Thread odd = new Thread("odd");
    List<Object> endless = new ArrayList<>();
    endless.add(endless);
    try (Scope scope = one.test().bind()) {
      told("odd", odd, null, 1);
      Hop call = assertReceive(called(Orders.class, "odd").json("/1", null).json("/2", 1));
      assertThat(call.header("outcome")).isEqualTo("returned");
      told("endless", endless);
      assertReceive(called(Orders.class, "endless"), Duration.ZERO);
    }
    run.end(one, null);
  }

  @Test
  void a_class_whose_calls_nobody_can_tell_of_is_named_with_the_remedy() {
    assertThatThrownBy(() -> one.watch(Map.class))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("Calls of java.util.Map cannot be watched")
        .hasMessageContaining("-javaagent:");
    List<Class<?>> asked = new ArrayList<>();
    run.addCallWatcher(
        type -> {
          asked.add(type);
          return type == Map.class;
        });
    one.watch(Map.class);
    one.watch(Orders.class);
    assertThat(asked).as("the application comes first").containsExactly(Map.class);
    run.end(one, null);
  }

  @Test
  void a_tick_runs_in_the_sandbox_of_the_test_that_asks_for_it() throws Exception {
    one.tick(Poller.class);
    try (Scope scope = other.test().bind()) {
      other.tick(Poller.class, "poll");
      assertThat(Work.current()).isSameAs(other.test());
    }
    assertThat(application.poller.ran).containsExactly("poll of T.one", "poll of T.other");
    assertThat(Work.current()).isNull();
    run.end(one, null);
    run.end(other, null);
  }

  @Test
  void a_tick_that_fails_throws_at_the_test_and_fails_it_no_second_time() {
    assertThatThrownBy(() -> one.tick(Poller.class, "fail")).hasMessage("the poller failed");
    assertThatThrownBy(() -> one.tick(Shop.class)).isInstanceOf(IllegalArgumentException.class);
    run.end(one, null);
    assertThat(one.journal().toString()).contains("tick Poller failed: java.io.IOException");
  }

  @Test
  void the_end_of_a_test_waits_for_a_tick_on_another_thread() throws Exception {
    CountDownLatch ticking = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    Sandbox slow = open("T.slow");
    List<String> ended = new ArrayList<>();
    slow.application(
        new ApplicationUnderTest() {
          @Override
          public void tick(Class<?> component, @Nullable String method) throws Exception {
            ticking.countDown();
            assertThat(mayEnd.await(30, TimeUnit.SECONDS)).isTrue();
            ended.add("tick");
          }

          @Override
          public boolean watch(Class<?> component) {
            return false;
          }
        });
    pool.submit(
        () -> {
          slow.tick(Poller.class);
          return null;
        });
    ticking.await();
    mayEnd.countDown();
    run.end(slow, null);
    assertThat(ended).containsExactly("tick");
  }

  @Test
  void nothing_ticks_in_an_ended_test_or_without_an_application() {
    run.end(one, null);
    assertThatThrownBy(() -> one.tick(Poller.class))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("has ended; nothing ticks in it");
    Sandbox plain = run.open(Sandbox.Settings.of("T.plain", Isolation.NONE, this));
    assertThatThrownBy(() -> plain.tick(Poller.class))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("T.plain is no Spring test. Call the method itself.");
    assertThat(application.poller.ran).isEmpty();
    run.end(plain, null);
  }
}
