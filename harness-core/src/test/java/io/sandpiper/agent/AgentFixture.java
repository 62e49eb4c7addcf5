package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.CountedWork;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;

/** A thread that is bound to a sandbox, and executors whose threads were there before. */
@Timeout(60)
abstract class AgentFixture {

  private static final Duration DRAIN = Duration.ofSeconds(10);

  final Run run = Run.create();
  final Sandbox sandbox =
      run.open(Sandbox.Settings.of("T.test", Isolation.NONE, this).withDrain(DRAIN));
  final ThreadPoolExecutor pool =
      new ThreadPoolExecutor(1, 1, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>(3));
  final ScheduledExecutorService scheduler = Executors.newScheduledThreadPool(1);
  final ForkJoinPool forkJoin = new ForkJoinPool(2);
  final CountDownLatch gate = new CountDownLatch(1);
  final AtomicReference<@Nullable Sandbox> seen = new AtomicReference<>();
  private @Nullable Scope scope;

  @BeforeEach
  final void warm_up() throws Exception {
    pool.submit(() -> {}).get();
    scheduler.submit(() -> {}).get();
    forkJoin.submit(() -> {}).get();
    scope = sandbox.test().bind();
  }

  @AfterEach
  final void stop() {
    gate.countDown();
    unbind();
    pool.shutdownNow();
    scheduler.shutdownNow();
    forkJoin.shutdownNow();
  }

  /** Opens another test, as its neighbour or as the one after it. */
  Sandbox openNext() {
    return run.open(Sandbox.Settings.of("T.next", Isolation.NONE, this).withDrain(DRAIN));
  }

  void unbind() {
    if (scope != null) {
      scope.close();
      scope = null;
    }
  }

  void end() {
    run.end(sandbox, null);
  }

  void look() {
    Work work = Work.current();
    seen.set(work == null ? null : work.sandbox());
  }

  static @Nullable Sandbox current() {
    Work work = Work.current();
    return work == null ? null : work.sandbox();
  }

  void await() {
    try {
      if (!gate.await(30, TimeUnit.SECONDS)) {
        throw new AssertionError("the gate was never opened");
      }
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }

  /** How many tasks the end of the test would wait for. */
  int open() {
    return CountedWork.of(sandbox);
  }

  /** Ends the sandbox on another thread and opens the gate when it waits. */
  void assertWaits() throws Exception {
    FutureTask<@Nullable Void> ending =
        new FutureTask<>(
            () -> {
              end();
              return null;
            });
    Thread tester = new Thread(ending);
    unbind();
    tester.start();
    while (tester.getState() != Thread.State.TIMED_WAITING && !ending.isDone()) {
      Thread.onSpinWait();
    }
    assertThat(ending.isDone()).as("the end waits for the task").isFalse();
    gate.countDown();
    ending.get();
  }

  Runnable gated() {
    return () -> {
      await();
      look();
    };
  }

  void fill() throws InterruptedException {
    CountDownLatch begun = new CountDownLatch(1);
    pool.execute(
        () -> {
          begun.countDown();
          await();
        });
    assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue();
  }

  /** Ends the sandbox while the pool's only thread is still busy, with nothing but its task. */
  void assertNothingElseIsWaitedFor() throws Exception {
    gate.countDown();
    unbind();
    end();
  }

  void assertFails(String failure) {
    unbind();
    assertThatThrownBy(this::end).isInstanceOf(AssertionError.class).hasMessageContaining(failure);
  }
}
