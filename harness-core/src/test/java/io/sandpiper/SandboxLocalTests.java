package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.context.Scope;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SandboxLocalTests {

  private final Run run = Run.create();
  private final ExecutorService pool = Executors.newFixedThreadPool(4);
  private final ExecutorService scoped = Sandbox.wrap(pool);
  private final AtomicInteger made = new AtomicInteger();
  private final List<String> released = Collections.synchronizedList(new ArrayList<>());
  private final SandboxLocal<String> local =
      SandboxLocal.withInitial(() -> "value " + made.incrementAndGet(), released::add);

  @AfterEach
  void stop() {
    pool.shutdownNow();
  }

  private Sandbox open(String name) {
    return run.open(Sandbox.Settings.of(name, Isolation.NONE, this));
  }

  private static <T extends @Nullable Object> T in(Sandbox sandbox, SandboxLocal<T> local) {
    try (Scope scope = sandbox.test().bind()) {
      return local.get();
    }
  }

  /** A singleton with state, as applications have them: nothing in it knows of tests. */
  private static final class Counter {
    private final SandboxLocal<Map<String, Integer>> counts =
        SandboxLocal.withInitial(ConcurrentHashMap::new);

    int count(String what) {
      Integer count = counts.get().merge(what, 1, Integer::sum);
      return count == null ? 0 : count;
    }
  }

  @Test
  void a_singleton_that_two_tests_share_counts_for_each_of_them_from_one() {
    Counter singleton = new Counter();
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    for (int i = 1; i <= 3; i++) {
      try (Scope scope = one.test().bind()) {
        assertThat(singleton.count("orders")).isEqualTo(i);
      }
      try (Scope scope = other.test().bind()) {
        assertThat(singleton.count("orders")).isEqualTo(i);
      }
    }
    assertThat(singleton.count("orders")).as("work of no sandbox has its own").isOne();
    assertThat(singleton.count("orders")).isEqualTo(2);
    run.end(one, null);
    run.end(other, null);
  }

  @Test
  void test_task_listener_and_request_see_the_same_value() throws Exception {
    Traffic traffic = new Traffic("T.same");
    Sandbox neighbour = open("T.neighbour");
    in(neighbour, local);
    String ofTheTest = in(traffic.sandbox, local);
    try (Scope scope = traffic.bind()) {
      assertThat(scoped.submit(local::get).get()).isEqualTo(ofTheTest);
      assertThat(scoped.submit(() -> scoped.submit(local::get).get()).get()).isEqualTo(ofTheTest);
    }
    Work listener = traffic.arrive("scoring.results", "{}");
    assertThat(
            pool.submit(
                    () -> {
                      try (Scope scope = listener.bind()) {
                        return local.get();
                      } finally {
                        listener.finish(null);
                      }
                    })
                .get())
        .isEqualTo(ofTheTest);
    assertThat(pool.submit(local::get).get()).isNotEqualTo(ofTheTest);
    assertThat(made).hasValue(3);
    traffic.run.end(traffic.sandbox, null);
    assertThat(released).containsExactly(ofTheTest);
    run.end(neighbour, null);
  }

  @RepeatedTest(20)
  void threads_that_ask_at_once_get_one_value() throws Exception {
    List<Sandbox> sandboxes = List.of(open("T.a"), open("T.b"), open("T.c"));
    CountDownLatch go = new CountDownLatch(1);
    Map<Sandbox, List<Future<String>>> seen = new ConcurrentHashMap<>();
    for (int i = 0; i < 8; i++) {
      for (Sandbox sandbox : sandboxes) {
        seen.computeIfAbsent(sandbox, key -> new ArrayList<>())
            .add(
                pool.submit(
                    () -> {
                      go.await();
                      return in(sandbox, local);
                    }));
      }
    }
    go.countDown();
    for (Sandbox sandbox : sandboxes) {
      String own = in(sandbox, local);
      for (Future<String> each : seen.getOrDefault(sandbox, List.of())) {
        assertThat(each.get()).isEqualTo(own);
      }
      run.end(sandbox, null);
    }
    assertThat(made).hasValue(3);
    assertThat(released).hasSize(3).doesNotHaveDuplicates();
  }

  @Test
  void a_value_that_is_set_or_removed_is_so_for_its_sandbox_alone() {
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    String ofTheOther = in(other, local);
    try (Scope scope = one.test().bind()) {
      String first = local.get();
      local.set("mine");
      assertThat(released).containsExactly(first);
      local.set("mine");
      assertThat(local.get()).isEqualTo("mine");
      local.remove();
      local.remove();
      assertThat(released).containsExactly(first, "mine");
      assertThat(local.get()).isEqualTo("value 3");
    }
    assertThat(in(other, local)).isEqualTo(ofTheOther);
    run.end(one, null);
    assertThat(released).endsWith("value 3").doesNotContain(ofTheOther);
    run.end(other, null);
    assertThat(released).endsWith(ofTheOther).hasSize(4);
  }

  @Test
  void a_value_that_was_never_asked_for_is_not_made_to_be_released() {
    Sandbox sandbox = open("T.never");
    try (Scope scope = sandbox.test().bind()) {
      local.remove();
    }
    run.end(sandbox, null);
    assertThat(made).hasValue(0);
    assertThat(released).isEmpty();
  }

  private static final class Resource implements AutoCloseable {
    private final @Nullable IOException trouble;
    private int closed;

    Resource(@Nullable IOException trouble) {
      this.trouble = trouble;
    }

    @Override
    public void close() throws IOException {
      closed++;
      if (trouble != null) {
        throw trouble;
      }
    }
  }

  @Test
  void a_closeable_value_is_closed_with_its_sandbox_after_its_tasks_have_ended() {
    SandboxLocal<Resource> resources = SandboxLocal.withInitial(() -> new Resource(null));
    Sandbox sandbox = open("T.closes");
    Resource resource = in(sandbox, resources);
    CountDownLatch ending = new CountDownLatch(1);
    AtomicInteger closedMeanwhile = new AtomicInteger(-1);
    try (Scope scope = sandbox.test().bind()) {
      scoped.execute(
          () -> {
            try {
              ending.await();
            } catch (InterruptedException interrupted) {
              throw new IllegalStateException(interrupted);
            }
            closedMeanwhile.set(resources.get().closed);
          });
    }
    ending.countDown();
    run.end(sandbox, null);
    assertThat(closedMeanwhile).hasValue(0);
    assertThat(resource.closed).isOne();
  }

  @Test
  void a_value_that_cannot_be_released_fails_the_test_and_keeps_no_other_from_it() {
    IOException trouble = new IOException("disk full");
    SandboxLocal<Resource> resources = SandboxLocal.withInitial(() -> new Resource(trouble));
    Sandbox sandbox = open("T.fails");
    in(sandbox, resources);
    in(sandbox, local);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining(
            "could not be rolled back: the value of a SandboxLocal (lambda of SandboxLocalTests)"
                + " could not be released: java.io.IOException: disk full")
        .hasRootCause(trouble);
    assertThat(released).hasSize(1);
  }

  @Test
  void a_task_that_outlives_its_test_gets_no_value() throws Exception {
    Sandbox sandbox = open("T.ended");
    in(sandbox, local);
    SandboxLocal<String> another = SandboxLocal.withInitial(() -> "another");
    run.end(sandbox, null);
    for (SandboxLocal<String> each : List.of(local, another)) {
      assertThatThrownBy(() -> in(sandbox, each))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("sandbox of T.ended")
          .hasMessageContaining("has ended")
          .hasMessageContaining("await it in the test, or end it");
    }
    try (Scope scope = sandbox.test().bind()) {
      assertThatThrownBy(() -> local.set("late")).isInstanceOf(IllegalStateException.class);
    }
    assertThat(released).hasSize(1);
  }

  @Test
  void a_value_may_be_null_and_is_made_once_all_the_same() {
    SandboxLocal<@Nullable String> none =
        SandboxLocal.<@Nullable String>withInitial(
            () -> {
              made.incrementAndGet();
              return null;
            });
    Sandbox sandbox = open("T.nothing");
    assertThat(in(sandbox, none)).isNull();
    assertThat(in(sandbox, none)).isNull();
    assertThat(made).hasValue(1);
    run.end(sandbox, null);
  }

  @Test
  void a_value_that_cannot_be_made_is_tried_again_at_the_next_call() {
    SandboxLocal<String> hard =
        SandboxLocal.withInitial(
            () -> {
              if (made.incrementAndGet() == 1) {
                throw new IllegalArgumentException("not yet");
              }
              return "made";
            });
    Sandbox sandbox = open("T.hard");
    assertThatThrownBy(() -> in(sandbox, hard)).hasMessage("not yet");
    assertThat(in(sandbox, hard)).isEqualTo("made");
    run.end(sandbox, null);
  }

  private final SandboxLocal<String> circular = SandboxLocal.withInitial(this::around);

  private String around() {
    return circular.get();
  }

  @Test
  void a_value_that_needs_itself_is_told_so() {
    assertThatThrownBy(circular::get)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("Break the cycle");
  }

  @Test
  void what_is_outside_any_sandbox_shares_the_value_of_nobody() throws Exception {
    Sandbox sandbox = open("T.outside");
    String shared = local.get();
    try (Scope scope = sandbox.test().bind()) {
      assertThat(Sandbox.outside(local::get)).isEqualTo(shared);
      assertThat(local.get()).isNotEqualTo(shared);
    }
    run.end(sandbox, null);
    assertThat(local.get()).isEqualTo(shared);
    local.remove();
    assertThat(released).contains(shared);
  }

  private Sandbox open(String name, Duration drain) {
    return run.open(Sandbox.Settings.of(name, Isolation.NONE, this).withDrain(drain));
  }

  /** Opened by the test when it has seen enough; an interrupt is ignored. */
  private static final class Gate {
    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch opened = new CountDownLatch(1);

    void pass() {
      reached.countDown();
      boolean passed = false;
      while (!passed) {
        try {
          passed = opened.await(30, TimeUnit.SECONDS);
        } catch (InterruptedException ignored) {
          passed = false;
        }
      }
    }

    void awaitReached() throws InterruptedException {
      assertThat(reached.await(30, TimeUnit.SECONDS)).isTrue();
    }

    void open() {
      opened.countDown();
    }
  }

  /** A value that the first who asks for it makes when the gate is open. */
  private SandboxLocal<String> gated(Gate gate, CountDownLatch let) {
    return SandboxLocal.withInitial(
        () -> {
          String value = local.get();
          if (value.equals("value 1")) {
            gate.pass();
          }
          return "gated " + value;
        },
        value -> {
          released.add(value);
          let.countDown();
        });
  }

  @Test
  void a_maker_that_ignores_its_interruption_is_named_and_releases_what_comes_too_late()
      throws Exception {
    Gate gate = new Gate();
    CountDownLatch let = new CountDownLatch(2);
    SandboxLocal<String> gated = gated(gate, let);
    Sandbox hung = open("T.hung", Duration.ofMillis(50));
    Sandbox neighbour = open("T.neighbour");
    Future<String> late;
    Future<String> waiting;
    try (Scope scope = hung.test().bind()) {
      late = scoped.submit(gated::get);
      gate.awaitReached();
      waiting = scoped.submit(gated::get);
    }
    assertThat(in(neighbour, gated)).isEqualTo("gated value 2");
    assertThatThrownBy(() -> run.end(hung, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("T.hung ended, and after 50 ms of waiting")
        .satisfies(
            error ->
                assertThat(error.getSuppressed())
                    .singleElement()
                    .satisfies(
                        end ->
                            assertThat(end)
                                .hasMessageContaining(
                                    "the value of a SandboxLocal (lambda of SandboxLocalTests) was"
                                        + " still being made or released by thread pool-")
                                .hasMessageContaining("Await that work in the test")
                                .hasMessageContaining("SandboxLocalTests$Gate.pass")));
    assertThatThrownBy(waiting::get).isInstanceOf(ExecutionException.class);
    run.end(neighbour, null);
    assertThat(released).containsExactlyInAnyOrder("value 1", "value 2", "gated value 2");
    gate.open();
    assertThat(let.await(30, TimeUnit.SECONDS)).isTrue();
    assertThatThrownBy(late::get).hasMessageContaining("has ended");
    assertThat(released).endsWith("gated value 1").hasSize(4);
  }

  @Test
  void a_maker_of_whom_nobody_knew_gets_a_short_grace() throws Exception {
    Gate gate = new Gate();
    CountDownLatch let = new CountDownLatch(1);
    SandboxLocal<String> gated = gated(gate, let);
    Sandbox hung = open("T.unknown");
    Future<String> late = pool.submit(() -> in(hung, gated));
    gate.awaitReached();
    assertThatThrownBy(() -> run.end(hung, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("sandbox of T.unknown")
        .hasMessageContaining("was still being made or released by thread pool-");
    gate.open();
    assertThatThrownBy(late::get).hasMessageContaining("has ended");
    assertThat(released).containsExactly("value 1", "gated value 1");
  }

  @Test
  void a_maker_does_not_hold_up_a_test_that_asked_for_no_sandbox() throws Exception {
    Gate gate = new Gate();
    CountDownLatch let = new CountDownLatch(1);
    SandboxLocal<String> gated = gated(gate, let);
    Sandbox unchanged = open("T.unchanged", Duration.ZERO);
    Future<String> late = pool.submit(() -> in(unchanged, gated));
    gate.awaitReached();
    run.end(unchanged, null);
    gate.open();
    assertThatThrownBy(late::get).hasMessageContaining("has ended");
    assertThat(released).containsExactly("value 1", "gated value 1");
  }

  @Test
  void who_waits_for_a_value_that_another_makes_can_be_interrupted() throws Exception {
    Gate gate = new Gate();
    SandboxLocal<String> gated = gated(gate, new CountDownLatch(1));
    Sandbox sandbox = open("T.waits");
    Future<String> maker = pool.submit(() -> in(sandbox, gated));
    gate.awaitReached();
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> in(sandbox, gated))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("interrupted while another");
    assertThat(Thread.interrupted()).isTrue();
    gate.open();
    assertThat(maker.get()).isEqualTo(in(sandbox, gated));
    run.end(sandbox, null);
  }

  @Test
  void a_release_that_hangs_is_named_and_the_others_are_made() throws Exception {
    Gate gate = new Gate();
    CountDownLatch after = new CountDownLatch(1);
    SandboxLocal<AutoCloseable> hanging =
        SandboxLocal.withInitial(
            () ->
                () -> {
                  gate.pass();
                  after.countDown();
                });
    Sandbox hung = open("T.hung", Duration.ofMillis(50));
    Sandbox neighbour = open("T.neighbour");
    in(hung, hanging);
    in(hung, local);
    in(neighbour, local);
    assertThatThrownBy(() -> run.end(hung, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("sandbox of T.hung")
        .hasMessageContaining(
            "the value of a SandboxLocal (lambda of SandboxLocalTests) was not released within"
                + " 50 ms. It was interrupted, and goes on for all that")
        .hasMessageContaining("Let its release end in time")
        .hasMessageContaining("SandboxLocalTests$Gate.pass");
    assertThat(released).containsExactly("value 1");
    run.end(neighbour, null);
    assertThat(released).containsExactly("value 1", "value 2");
    gate.open();
    assertThat(after.await(30, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void a_release_that_an_interrupt_ends_is_named_with_how_it_ended() {
    CountDownLatch never = new CountDownLatch(1);
    SandboxLocal<AutoCloseable> slow = SandboxLocal.withInitial(() -> never::await);
    Sandbox sandbox = open("T.slow", Duration.ofMillis(50));
    in(sandbox, slow);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("It was interrupted, and has ended (java.lang.InterruptedException).")
        .hasRootCauseInstanceOf(InterruptedException.class);
    assertThat(Thread.interrupted()).as("what was there before").isTrue();
  }

  private final SandboxLocal<String> farewell =
      SandboxLocal.withInitial(() -> "mine", value -> released.add(value + ", " + farewell()));

  private String farewell() {
    return farewell.get() + " of " + Sandbox.current().testName();
  }

  @Test
  void what_releases_a_value_may_ask_for_it_and_for_its_sandbox() {
    Sandbox sandbox = open("T.asks");
    in(sandbox, farewell);
    run.end(sandbox, null);
    assertThat(released).containsExactly("mine, mine of T.asks");
    try (Scope scope = sandbox.test().bind()) {
      assertThatThrownBy(farewell::remove).isInstanceOf(IllegalStateException.class);
    }
  }
}
