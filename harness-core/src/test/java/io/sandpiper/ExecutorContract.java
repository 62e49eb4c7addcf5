package io.sandpiper;

import static io.sandpiper.Latches.await;
import static io.sandpiper.Latches.awaitThoughInterrupted;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What every executor has to keep, whatever carries the sandbox to its threads: a wrapper, a bean
 * of Spring, the agent.
 *
 * <p>A subclass gives the executor; {@link QueueingExecutorContract} is for those with a limited
 * number of threads, {@link ScheduledExecutorContract} for those that schedule.
 */
@ExtendWith(Schedules.class)
@Timeout(120)
public abstract class ExecutorContract {

  private static final int SANDBOXES = 32;
  private static final int TASKS = 10_000;
  private static final int IN_FLIGHT = 16;

  /** The run that the sandboxes of these tests belong to. */
  protected final Run run = Run.create();

  private final Queue<String> wrong = new ConcurrentLinkedQueue<>();
  private @Nullable ExecutorService executor;

  /**
   * A new executor as the application would see it, with four threads where there is a choice; the
   * contract shuts it down.
   */
  protected abstract ExecutorService create();

  /** The one of this test, made at the first call. */
  protected final ExecutorService executor() {
    ExecutorService made = executor;
    if (made == null) {
      made = create();
      executor = made;
    }
    return made;
  }

  @AfterEach
  final void stop() {
    if (executor != null) {
      executor.shutdownNow();
    }
  }

  /** Opens a sandbox whose end waits for a minute at most. */
  protected final Sandbox open(String name) {
    return open(name, Duration.ofSeconds(60));
  }

  /** Opens a sandbox. */
  protected final Sandbox open(String name, Duration drain) {
    return run.open(Sandbox.Settings.of("Contract." + name, Isolation.NONE, this).withDrain(drain));
  }

  /** The work that the end of a sandbox would wait for now. */
  protected static List<Work> counted(Sandbox sandbox) {
    return sandbox.read(() -> sandbox.ledger().counted());
  }

  private static @Nullable Sandbox sandboxHere() {
    Work work = Work.current();
    return work == null ? null : work.sandbox();
  }

  /** A task that notes where it ran. */
  private Callable<Integer> seenIn(Sandbox expected, AtomicInteger ran) {
    return () -> {
      Work work = Work.current();
      if (work == null || work.sandbox() != expected || work == expected.test()) {
        wrong.add("a task of %s ran as %s".formatted(expected, work));
      } else if (!counted(expected).contains(work)) {
        wrong.add("a task that runs is not counted: " + work);
      }
      return ran.incrementAndGet();
    };
  }

  private static Runnable runnable(Callable<?> task) {
    return () -> {
      try {
        task.call();
      } catch (Exception failed) {
        throw new IllegalStateException(failed);
      }
    };
  }

  @Test
  public void a_task_sees_the_sandbox_of_whoever_submits_it_in_whatever_way() throws Exception {
    Sandbox sandbox = open("submits");
    AtomicInteger ran = new AtomicInteger();
    Callable<Integer> task = seenIn(sandbox, ran);
    try (Scope scope = sandbox.test().bind()) {
      executor().execute(runnable(task));
      executor().submit(runnable(task)).get();
      assertThat(executor().submit(runnable(task), "done").get()).isEqualTo("done");
      executor().submit(task).get();
      for (Future<Integer> each : executor().invokeAll(List.of(task, task))) {
        assertThat(each.get()).isPositive();
      }
      assertThat(executor().invokeAny(List.of(task))).isPositive();
      assertThat(executor().invokeAny(List.of(task), 30, TimeUnit.SECONDS)).isPositive();
      assertThat(Work.current()).isSameAs(sandbox.test());
    }
    run.end(sandbox, null);
    assertThat(wrong).isEmpty();
    assertThat(ran).hasValue(8);
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  public void a_thread_keeps_no_scope_past_its_task() throws Exception {
    Sandbox sandbox = open("passes");
    try (Scope scope = sandbox.test().bind()) {
      for (int i = 0; i < 100; i++) {
        executor().execute(() -> {});
      }
    }
    run.end(sandbox, null);
    for (int i = 0; i < 100; i++) {
      assertThat(executor().submit(() -> Scope.currentWork() == null).get()).isTrue();
    }
  }

  @Test
  public void interleaved_tests_on_one_executor_get_their_own_tasks_and_leave_nothing(Random random)
      throws Exception {
    List<Thread> testers = new ArrayList<>();
    List<Sandbox> sandboxes = new ArrayList<>();
    AtomicInteger ran = new AtomicInteger();
    ExecutorService shared = executor();
    for (int i = 0; i < SANDBOXES; i++) {
      Sandbox sandbox = open("interleaved" + i);
      sandboxes.add(sandbox);
      Random own = new Random(random.nextLong());
      int tasks = TASKS / SANDBOXES + 1;
      Thread tester = new Thread(() -> test(sandbox, shared, own, tasks, ran));
      testers.add(tester);
      tester.start();
    }
    for (Thread tester : testers) {
      tester.join();
    }
    assertThat(wrong).isEmpty();
    assertThat(ran).hasValueGreaterThanOrEqualTo(TASKS);
    for (Sandbox sandbox : sandboxes) {
      assertThat(counted(sandbox)).isEmpty();
      assertThat(sandbox.sinceEnd()).isNotNull();
    }
    for (int i = 0; i < 100; i++) {
      assertThat(shared.submit(() -> Scope.currentWork() == null).get()).isTrue();
    }
  }

  private void test(
      Sandbox sandbox, ExecutorService shared, Random random, int tasks, AtomicInteger ran) {
    AtomicInteger own = new AtomicInteger();
    List<Future<Integer>> inFlight = new ArrayList<>();
    try (Scope scope = sandbox.test().bind()) {
      Callable<Integer> task = seenIn(sandbox, own);
      for (int i = 0; i < tasks; i++) {
        switch (random.nextInt(4)) {
          case 0 -> shared.execute(runnable(task));
          case 1 -> inFlight.add(shared.submit(task));
          case 2 -> {
            // One that submits another; the test waits for neither.
            i++;
            shared.execute(
                runnable(
                    () -> {
                      shared.execute(runnable(task));
                      return task.call();
                    }));
          }
          default -> assertThat(shared.submit(task).get()).isPositive();
        }
        if (sandboxHere() != sandbox) {
          wrong.add("a test lost its scope");
        }
        if (inFlight.size() == IN_FLIGHT) {
          for (Future<Integer> each : inFlight) {
            each.get();
          }
          inFlight.clear();
        }
      }
      run.end(sandbox, null);
      if (own.get() < tasks) {
        wrong.add("%s ended before all its tasks had: %s of %s".formatted(sandbox, own, tasks));
      }
      ran.addAndGet(own.get());
    } catch (Exception | AssertionError unexpected) {
      wrong.add("unexpected " + unexpected);
    }
  }

  @Test
  public void the_end_of_a_test_waits_for_tasks_that_submit_tasks() {
    Sandbox sandbox = open("nests");
    AtomicInteger left = new AtomicInteger(200);
    try (Scope scope = sandbox.test().bind()) {
      executor().execute(() -> more(left));
    }
    run.end(sandbox, null);
    assertThat(left).hasValue(0);
  }

  private void more(AtomicInteger left) {
    if (left.decrementAndGet() > 0) {
      executor().execute(() -> more(left));
    }
  }

  @Test
  public void a_test_waits_for_no_task_of_its_neighbour() {
    Sandbox slow = open("slow");
    Sandbox quick = open("quick");
    CountDownLatch mayEnd = new CountDownLatch(1);
    AtomicInteger ran = new AtomicInteger();
    try (Scope scope = slow.test().bind()) {
      executor().execute(() -> await(mayEnd));
    }
    if (this instanceof QueueingExecutorContract queueing && queueing.threads() == 1) {
      // The task of the other would be behind it, in any run.
      run.end(quick, null);
    } else {
      try (Scope scope = quick.test().bind()) {
        executor().execute(ran::incrementAndGet);
      }
      run.end(quick, null);
      assertThat(ran).hasValue(1);
    }
    assertThat(counted(slow)).hasSize(1);
    mayEnd.countDown();
    run.end(slow, null);
    assertThat(counted(slow)).isEmpty();
  }

  @Test
  public void a_failure_that_nobody_asks_for_fails_the_test() {
    Sandbox sandbox = open("fails");
    Sandbox neighbour = open("neighbour");
    IllegalArgumentException bad = new IllegalArgumentException("bad input");
    try (Scope scope = sandbox.test().bind()) {
      executor()
          .submit(
              () -> {
                throw bad;
              });
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("Background work of Contract.fails failed")
        .hasCause(bad);
    run.end(neighbour, null);
  }

  @Test
  public void a_failure_that_the_test_has_seen_does_not_fail_it_again() {
    Sandbox sandbox = open("sees");
    IllegalArgumentException bad = new IllegalArgumentException("bad input");
    try (Scope scope = sandbox.test().bind()) {
      Future<?> future =
          executor()
              .submit(
                  () -> {
                    throw bad;
                  });
      assertTold(bad, catchThrowable(() -> future.get(30, TimeUnit.SECONDS)));
    }
    run.end(sandbox, null);
  }

  /** Looks at what a future tells of the failure of its task. */
  protected void assertTold(Throwable failure, Throwable told) {
    assertThat(told).isInstanceOf(ExecutionException.class).hasCause(failure);
  }

  @Test
  public void a_rejected_task_is_not_waited_for() {
    Sandbox sandbox = open("rejected");
    Callable<Integer> one = () -> 1;
    ExecutorService shut = executor();
    shut.shutdown();
    try (Scope scope = sandbox.test().bind()) {
      assertThatThrownBy(() -> shut.execute(() -> {}))
          .isInstanceOf(RejectedExecutionException.class);
      assertThatThrownBy(() -> shut.submit(one)).isInstanceOf(RejectedExecutionException.class);
      assertThatThrownBy(() -> shut.invokeAll(List.of(one, one)))
          .isInstanceOf(RejectedExecutionException.class);
      assertThatThrownBy(() -> shut.invokeAny(List.of(one, one)))
          .isInstanceOf(RejectedExecutionException.class);
    }
    assertThat(counted(sandbox)).isEmpty();
    run.end(sandbox, null);
  }

  @Test
  public void a_task_cancelled_while_it_runs_is_waited_for_until_its_thread_is_through() {
    Sandbox sandbox = open("cancels");
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    Future<?> future;
    try (Scope scope = sandbox.test().bind()) {
      future =
          executor()
              .submit(
                  () -> {
                    running.countDown();
                    awaitThoughInterrupted(mayEnd);
                  });
    }
    await(running);
    future.cancel(true);
    assertThat(future.isDone()).isTrue();
    assertThat(counted(sandbox)).hasSize(1);
    mayEnd.countDown();
    run.end(sandbox, null);
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  public void a_task_of_an_ended_test_is_refused_and_never_anothers() throws Exception {
    Sandbox ended = open("ended");
    Sandbox next = open("next");
    AtomicReference<@Nullable Sandbox> seen = new AtomicReference<>();
    CountDownLatch ran = new CountDownLatch(1);
    try (Scope scope = ended.test().bind()) {
      run.end(ended, null);
      executor()
          .execute(
              () -> {
                seen.set(sandboxHere());
                ran.countDown();
              });
    }
    await(ran);
    assertThat(seen.get()).isNotSameAs(next).isIn(ended, null);
    assertThat(counted(ended)).isEmpty();
    assertThat(counted(next)).isEmpty();
    run.end(next, null);
  }

  @Test
  public void a_task_of_nobody_stays_nobodys() throws Exception {
    Sandbox bystander = open("bystander");
    assertThat(executor().submit(() -> Scope.currentWork() == null).get()).isTrue();
    assertThat(counted(bystander)).isEmpty();
    run.end(bystander, null);
  }

  @Test
  public void what_is_submitted_outside_is_outside_on_its_thread_too() throws Exception {
    Sandbox sandbox = open("outside");
    Callable<Boolean> there = Sandbox::isOutside;
    try (Scope scope = sandbox.test().bind()) {
      assertThat(Sandbox.outside(() -> executor().submit(there).get())).isTrue();
    }
    assertThat(counted(sandbox)).isEmpty();
    run.end(sandbox, null);
  }
}
