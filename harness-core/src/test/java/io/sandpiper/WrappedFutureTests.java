package io.sandpiper;

import static io.sandpiper.Latches.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Sandboxed.Background;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Futures whose functions run in the sandbox of whoever added them. */
@ExtendWith(Schedules.class)
@Timeout(60)
class WrappedFutureTests {

  private final Run run = Run.create();
  private final ExecutorService pool = Executors.newFixedThreadPool(4);
  private final Sandbox one = open("T.one");
  private final Sandbox other = open("T.other");

  @AfterEach
  void stop() {
    pool.shutdownNow();
  }

  private Sandbox open(String name) {
    return run.open(Sandbox.Settings.of(name, Isolation.NONE, this));
  }

  private static <T> CompletableFuture<T> wrappedIn(Sandbox sandbox, CompletableFuture<T> source) {
    try (Scope scope = sandbox.test().bind()) {
      return Sandbox.wrap(source);
    }
  }

  /** Each way to add a function to a future: added by one test, completed in another one. */
  @TestFactory
  Stream<DynamicTest> a_function_runs_in_the_sandbox_of_whoever_added_it() {
    return Arrays.stream(CompletionStage.class.getMethods())
        .filter(method -> !method.getName().equals("toCompletableFuture"))
        .map(
            method ->
                DynamicTest.dynamicTest(
                    method.getName() + " of " + method.getParameterCount(),
                    () -> runsInItsSandbox(method)));
  }

  private void runsInItsSandbox(Method method) throws Exception {
    Sandbox adder = open("T.adds");
    Sandbox completer = open("T.completes");
    CompletableFuture<Object> source = new CompletableFuture<>();
    CompletableFuture<Object> wrapped = wrappedIn(adder, source);
    List<@Nullable Work> seen = new ArrayList<>();
    CompletableFuture<?> stage;
    try (Scope scope = adder.test().bind()) {
      stage = (CompletableFuture<?>) method.invoke(wrapped, arguments(method, seen));
      assertThat(stage.getClass()).isSameAs(wrapped.getClass());
    }
    assertThat(ExecutorContract.counted(adder)).hasSize(2);
    pool.submit(
            () -> {
              try (Scope scope = completer.test().bind()) {
                if (method.getName().startsWith("exceptionally")) {
                  source.completeExceptionally(new IOException("trouble"));
                } else {
                  source.complete("value");
                }
                assertThat(Work.current()).isSameAs(completer.test());
              }
            })
        .get();
    stage.get(30, TimeUnit.SECONDS);
    assertThat(seen).hasSize(1);
    Work work = Objects.requireNonNull(seen.get(0));
    assertThat(work.sandbox()).isSameAs(adder);
    assertThat(work).isNotSameAs(adder.test());
    run.end(adder, null);
    run.end(completer, null);
    assertThat(ExecutorContract.counted(adder)).isEmpty();
    assertThat(ExecutorContract.counted(completer)).isEmpty();
  }

  private Object[] arguments(Method method, List<@Nullable Work> seen) {
    return Arrays.stream(method.getParameterTypes())
        .map(type -> argument(method, type, seen))
        .toArray();
  }

  private Object argument(Method method, Class<?> type, List<@Nullable Work> seen) {
    if (type == Executor.class) {
      return pool;
    }
    if (type == CompletionStage.class) {
      // Of the methods that take the first of two, this must not be it.
      return method.getName().contains("ither")
          ? new CompletableFuture<>()
          : CompletableFuture.completedFuture("other");
    }
    return Proxy.newProxyInstance(
        getClass().getClassLoader(),
        new Class<?>[] {type},
        (proxy, called, values) -> {
          if (called.getDeclaringClass() == Object.class) {
            return called.getName().equals("hashCode") ? 0 : "a function";
          }
          seen.add(Work.current());
          return method.getName().contains("ompose")
              ? CompletableFuture.completedFuture("composed")
              : called.getReturnType() == void.class ? null : "result";
        });
  }

  @Test
  void the_end_of_a_test_waits_for_the_future_and_all_that_follows() {
    CompletableFuture<Integer> source = new CompletableFuture<>();
    AtomicInteger result = new AtomicInteger();
    CountDownLatch ending = new CountDownLatch(1);
    CompletableFuture<Integer> wrapped = wrappedIn(one, source);
    try (Scope scope = one.test().bind()) {
      wrapped
          .thenApplyAsync(value -> value + 1, pool)
          .thenCompose(value -> CompletableFuture.supplyAsync(() -> value * 2, pool))
          .thenAccept(result::set);
    }
    run.end(other, null);
    pool.execute(
        () -> {
          await(ending);
          source.complete(20);
        });
    ending.countDown();
    run.end(one, null);
    assertThat(result).hasValue(42);
    assertThat(ExecutorContract.counted(one)).isEmpty();
  }

  @RepeatedTest(10)
  void interleaved_tests_on_shared_threads_get_their_own(Random random) throws Exception {
    Queue<String> wrong = new ConcurrentLinkedQueue<>();
    List<Sandbox> sandboxes = new ArrayList<>();
    List<Thread> testers = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      Sandbox sandbox = open("T.test" + i);
      sandboxes.add(sandbox);
      long seed = random.nextLong();
      Thread tester = new Thread(() -> fanOut(sandbox, new Random(seed), wrong));
      testers.add(tester);
      tester.start();
    }
    for (Thread tester : testers) {
      tester.join();
    }
    assertThat(wrong).isEmpty();
    for (Sandbox sandbox : sandboxes) {
      assertThat(ExecutorContract.counted(sandbox)).isEmpty();
    }
    for (int i = 0; i < 20; i++) {
      assertThat(pool.submit(() -> Scope.currentWork() == null).get()).isTrue();
    }
  }

  private void fanOut(Sandbox sandbox, Random random, Queue<String> wrong) {
    AtomicInteger left = new AtomicInteger(100);
    Consumer<String> check =
        where -> {
          Work work = Work.current();
          if (work == null || work.sandbox() != sandbox || work == sandbox.test()) {
            wrong.add("%s of %s ran as %s".formatted(where, sandbox, work));
          }
        };
    try (Scope scope = sandbox.test().bind()) {
      for (int i = left.get(); i > 0; i--) {
        CompletableFuture<Integer> source = new CompletableFuture<>();
        CompletableFuture<Integer> future = Sandbox.wrap(source);
        boolean late = random.nextBoolean();
        if (late) {
          pool.execute(() -> source.complete(1));
        }
        CompletableFuture<Integer> two =
            future.thenApply(
                value -> {
                  check.accept("thenApply");
                  return value + 1;
                });
        CompletableFuture<Integer> three =
            future.thenApplyAsync(
                value -> {
                  check.accept("thenApplyAsync");
                  return value + 2;
                },
                pool);
        two.thenCombine(three, Integer::sum)
            .thenAccept(
                five -> {
                  check.accept("thenAccept");
                  if (five == 5) {
                    left.decrementAndGet();
                  }
                });
        if (!late) {
          source.complete(1);
        }
        if (Work.current() != sandbox.test()) {
          wrong.add("a test lost its scope");
        }
      }
    }
    run.end(sandbox, null);
    if (left.get() != 0) {
      wrong.add("%s ended with %s left".formatted(sandbox, left));
    }
  }

  private static final IOException BAD = new IOException("bad");

  private static <T> T fail() {
    throw new CompletionException(BAD);
  }

  @Test
  void a_failure_that_nobody_looked_at_fails_the_test_once() {
    CompletableFuture<Integer> source = new CompletableFuture<>();
    CompletableFuture<Integer> wrapped = wrappedIn(one, source);
    try (Scope scope = one.test().bind()) {
      wrapped.thenApply(value -> value + 1).thenAccept(value -> {});
    }
    source.completeExceptionally(BAD);
    run.end(other, null);
    assertThatThrownBy(() -> run.end(one, null)).hasCause(BAD).hasNoSuppressedExceptions();
  }

  @Test
  void a_function_that_fails_unseen_fails_the_test() {
    try (Scope scope = one.test().bind()) {
      Sandbox.wrap(CompletableFuture.completedFuture(1))
          .thenRunAsync(WrappedFutureTests::fail, pool);
    }
    assertThatThrownBy(() -> run.end(one, null)).hasCause(BAD);
  }

  private static void ignore(Runnable asking) {
    try {
      asking.run();
    } catch (CompletionException expected) {
      assertThat(expected).hasCause(BAD);
    }
  }

  @TestFactory
  Stream<DynamicTest> a_failure_that_somebody_looked_at_fails_nothing() {
    record Look(String name, Consumer<CompletableFuture<Integer>> look) {}
    return Stream.of(
            new Look("join", future -> ignore(future::join)),
            new Look("getNow", future -> ignore(() -> future.getNow(0))),
            new Look(
                "get",
                future -> assertThatThrownBy(future::get).isInstanceOf(ExecutionException.class)),
            new Look(
                "get with a timeout",
                future -> assertThatThrownBy(() -> future.get(1, TimeUnit.SECONDS)).hasCause(BAD)),
            new Look("handle", future -> future.handle((value, failure) -> 0)),
            new Look("exceptionally", future -> future.exceptionally(failure -> 0)),
            new Look("whenComplete", future -> future.whenComplete((value, failure) -> {})),
            new Look(
                "join of what follows", future -> ignore(() -> future.thenApply(v -> v).join())),
            new Look(
                "handle of what follows",
                future -> future.thenApply(v -> v).copy().handle((value, failure) -> 0)))
        .map(
            look ->
                DynamicTest.dynamicTest(
                    look.name(),
                    () -> {
                      Sandbox sandbox = open("T.looks");
                      try (Scope scope = sandbox.test().bind()) {
                        look.look()
                            .accept(Sandbox.wrap(CompletableFuture.<Integer>failedFuture(BAD)));
                      }
                      run.end(sandbox, null);
                    }));
  }

  @Test
  void an_action_that_looks_and_fails_itself_fails_the_test() {
    IllegalStateException own = new IllegalStateException("own");
    try (Scope scope = one.test().bind()) {
      Sandbox.wrap(CompletableFuture.completedFuture(1))
          .whenComplete(
              (value, failure) -> {
                throw own;
              });
    }
    assertThatThrownBy(() -> run.end(one, null)).hasCause(own);
  }

  @Test
  void a_future_that_times_out_fails_the_test_and_one_that_does_not_is_what_it_was()
      throws Exception {
    CompletableFuture<String> quick = new CompletableFuture<>();
    CompletableFuture<String> never = new CompletableFuture<>();
    try (Scope scope = one.test().bind()) {
      CompletableFuture<String> limited = Sandbox.wrap(quick).orTimeout(1, TimeUnit.HOURS);
      quick.complete("in time");
      assertThat(limited.get()).isEqualTo("in time");
      Sandbox.wrap(never).orTimeout(1, TimeUnit.MILLISECONDS);
    }
    assertThatThrownBy(() -> run.end(one, null)).hasCauseInstanceOf(TimeoutException.class);
  }

  @Test
  void a_cancelled_future_is_no_failure_and_what_follows_it_is_not_waited_for() {
    CompletableFuture<String> source = new CompletableFuture<>();
    CompletableFuture<String> wrapped = wrappedIn(one, source);
    try (Scope scope = one.test().bind()) {
      wrapped.thenApply(String::length).thenAccept(length -> {});
      assertThat(wrapped.cancel(true)).isTrue();
    }
    assertThat(source).isCancelled();
    assertThat(wrapped).isCancelled();
    run.end(one, null);
    assertThat(ExecutorContract.counted(one)).isEmpty();
  }

  @Test
  void completing_the_wrapper_completes_the_future() {
    CompletableFuture<String> first = new CompletableFuture<>();
    CompletableFuture<String> second = new CompletableFuture<>();
    try (Scope scope = one.test().bind()) {
      assertThat(Sandbox.wrap(first).complete("value")).isTrue();
      CompletableFuture<String> failing = Sandbox.wrap(second);
      assertThat(failing.completeExceptionally(BAD)).isTrue();
      ignore(failing::join);
    }
    assertThat(first).isCompletedWithValue("value");
    assertThat(second).isCompletedExceptionally();
    run.end(one, null);
  }

  @Test
  void a_function_that_runs_on_although_its_future_was_cancelled_is_waited_for() {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    try (Scope scope = one.test().bind()) {
      CompletableFuture<Void> stage =
          Sandbox.wrap(CompletableFuture.completedFuture(1))
              .thenRunAsync(
                  () -> {
                    running.countDown();
                    await(mayEnd);
                  },
                  pool);
      await(running);
      stage.cancel(true);
    }
    assertThat(ExecutorContract.counted(one)).hasSize(1);
    mayEnd.countDown();
    run.end(one, null);
    assertThat(ExecutorContract.counted(one)).isEmpty();
  }

  @Test
  void a_function_that_nobody_adds_runs_in_no_sandbox() throws Exception {
    CompletableFuture<String> source = new CompletableFuture<>();
    CompletableFuture<String> wrapped = wrappedIn(one, source);
    CompletableFuture<Boolean> unowned = wrapped.thenApply(v -> Scope.currentWork() == null);
    try (Scope scope = other.test().bind()) {
      source.complete("value");
    }
    assertThat(unowned.get()).isTrue();
    assertThat(Sandbox.wrap(source)).isSameAs(source);
    assertThat(Sandbox.wrap(wrapped)).isSameAs(wrapped);
    run.end(one, null);
    run.end(other, null);
  }

  @Test
  void inline_functions_run_in_the_thread_that_completes() {
    Sandbox inline =
        run.open(
            Sandbox.Settings.of("T.inline", Isolation.NONE, this)
                .withBackground(Background.INLINE)
                .withDrain(Duration.ofSeconds(10)));
    try (Scope scope = inline.test().bind()) {
      assertThat(
              Sandbox.wrap(CompletableFuture.completedFuture(1))
                  .thenApplyAsync(value -> Thread.currentThread(), pool))
          .isCompletedWithValue(Thread.currentThread());
    }
    run.end(inline, null);
  }
}
