package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** Many tests at once over few threads; run by {@link AgentTests}. */
@Timeout(120)
class InterleavedWork {

  private static final int SANDBOXES = 32;
  private static final int TASKS = 10_000;

  private final Run run = Run.create();
  private final Queue<String> wrong = new ConcurrentLinkedQueue<>();
  private final AtomicInteger ran = new AtomicInteger();

  /** Tests before this one may have dropped tasks that are not collected yet. */
  private final int waitingBefore = waiting();

  private static int waiting() {
    return ((Carrier) AgentBridge.installed()).waiting();
  }

  /** The same object for all tests. */
  private final Runnable shared =
      () -> {
        ran.incrementAndGet();
        if (Work.current() == null) {
          wrong.add("a task that many submit ran for nobody");
        } else {
          Work.current().sandbox().journal().note(MARK);
        }
      };

  private static final String MARK = "shared task";

  private interface Step {
    /** Makes {@code task} run once, somehow. */
    void take(Random random, Runnable task) throws Exception;
  }

  @Test
  void a_pool_of_four_threads() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    interleave(on(pool));
    assertClean(pool);
  }

  @Test
  void a_scheduler_of_four_threads() throws Exception {
    ScheduledExecutorService pool = Executors.newScheduledThreadPool(4);
    interleave(
        (random, task) -> {
          if (random.nextBoolean()) {
            pool.schedule(task, random.nextInt(300), TimeUnit.MICROSECONDS);
          } else {
            on(pool).take(random, task);
          }
        });
    assertClean(pool);
  }

  @Test
  void a_fork_join_pool_of_four_threads() throws Exception {
    ForkJoinPool pool = new ForkJoinPool(4);
    interleave(on(pool));
    assertClean(pool);
  }

  @Test
  void threads() throws Exception {
    interleave((random, task) -> new Thread(task).start());
    assertThat(wrong).isEmpty();
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21)
  void virtual_threads() throws Exception {
    ExecutorService pool =
        (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    interleave(on(pool));
    assertClean(pool);
  }

  @Test
  void one_task_object_that_all_submit_runs_once_for_each() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    int each = TASKS / SANDBOXES;
    List<Sandbox> sandboxes =
        inSandboxes(
            (sandbox, random) -> {
              for (int i = 0; i < each; i++) {
                pool.execute(shared);
              }
            });
    assertThat(ran).hasValue(each * SANDBOXES);
    for (Sandbox sandbox : sandboxes) {
      assertThat(sandbox.journal().entries())
          .as("tasks of " + sandbox)
          .filteredOn(entry -> entry.text().equals(MARK))
          .hasSize(each);
    }
    assertClean(pool);
  }

  private static Step on(ExecutorService pool) {
    return (random, task) -> {
      switch (random.nextInt(6)) {
        case 0 -> pool.execute(task);
        case 1 -> pool.submit(task);
        case 2 -> {
          Future<?> future = pool.submit(Executors.callable(task));
          future.get();
        }
        case 3 -> CompletableFuture.runAsync(task, pool);
        case 4 ->
            CompletableFuture.supplyAsync(() -> 1, pool).thenAcceptAsync(one -> task.run(), pool);
        default -> pool.execute(() -> pool.execute(task));
      }
    };
  }

  private void interleave(Step step) throws Exception {
    int each = (TASKS + SANDBOXES - 1) / SANDBOXES;
    List<Sandbox> sandboxes =
        inSandboxes(
            (sandbox, random) -> {
              for (int i = 0; i < each; i++) {
                step.take(random, () -> check(sandbox));
              }
            });
    assertThat(wrong).isEmpty();
    assertThat(ran)
        .as("tasks have ended before the ends of their tests")
        .hasValue(each * SANDBOXES);
    assertThat(sandboxes).hasSize(SANDBOXES);
  }

  private void check(Sandbox expected) {
    ran.incrementAndGet();
    Work work = Work.current();
    if (work == null || work.sandbox() != expected || work == expected.test()) {
      wrong.add("a task of %s ran as %s".formatted(expected, work));
    } else if (expected.sinceEnd() != null) {
      wrong.add("a task of %s ran after its end".formatted(expected));
    }
  }

  private interface Tester {
    void run(Sandbox sandbox, Random random) throws Exception;
  }

  /** Each test on a thread of its own, and ended by it. */
  private List<Sandbox> inSandboxes(Tester test) throws Exception {
    List<Sandbox> sandboxes = new ArrayList<>();
    List<Thread> testers = new ArrayList<>();
    for (int i = 0; i < SANDBOXES; i++) {
      Sandbox sandbox = run.open(Sandbox.Settings.of("T.test" + i, Isolation.NONE, this));
      sandboxes.add(sandbox);
      Random random = new Random(i);
      Thread tester =
          new Thread(
              () -> {
                try {
                  try (Scope scope = sandbox.test().bind()) {
                    test.run(sandbox, random);
                  }
                  run.end(sandbox, null);
                } catch (Throwable failed) {
                  wrong.add(sandbox + ": " + failed);
                }
              });
      testers.add(tester);
      tester.start();
    }
    for (Thread tester : testers) {
      tester.join();
    }
    assertThat(wrong).isEmpty();
    return sandboxes;
  }

  private void assertClean(ExecutorService pool) throws Exception {
    List<Callable<@Nullable Work>> looks = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      looks.add(Work::current);
    }
    for (Future<@Nullable Work> look : pool.invokeAll(looks)) {
      assertThat(look.get()).as("what a thread of the pool has kept").isNull();
    }
    pool.shutdown();
    assertThat(pool.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    assertThat(waiting()).as("tasks that are known").isLessThanOrEqualTo(waitingBefore);
    assertThat(wrong).isEmpty();
  }
}
