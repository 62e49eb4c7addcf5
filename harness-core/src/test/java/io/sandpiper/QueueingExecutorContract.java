package io.sandpiper;

import static io.sandpiper.Latches.await;
import static io.sandpiper.Latches.awaitThoughInterrupted;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.context.Scope;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What executors have to keep whose tasks may wait for a thread. */
public abstract class QueueingExecutorContract extends ExecutorContract {

  /** How many tasks run at once. */
  protected int threads() {
    return 4;
  }

  /** Keeps all threads busy, with work of nobody, until the latch opens. */
  private CountDownLatch busy() {
    CountDownLatch running = new CountDownLatch(threads());
    CountDownLatch mayEnd = new CountDownLatch(1);
    for (int i = 0; i < threads(); i++) {
      executor()
          .execute(
              () -> {
                running.countDown();
                awaitThoughInterrupted(mayEnd);
              });
    }
    await(running);
    return mayEnd;
  }

  @Test
  public void a_task_is_counted_from_the_moment_it_is_submitted() {
    CountDownLatch free = busy();
    Sandbox sandbox = open("queues");
    AtomicInteger ran = new AtomicInteger();
    try (Scope scope = sandbox.test().bind()) {
      executor().execute(ran::incrementAndGet);
    }
    assertThat(counted(sandbox)).hasSize(1);
    assertThat(ran).hasValue(0);
    free.countDown();
    run.end(sandbox, null);
    assertThat(ran).hasValue(1);
    assertThat(counted(sandbox)).isEmpty();
  }

  @Test
  public void a_task_cancelled_before_it_starts_is_counted_no_more() {
    CountDownLatch free = busy();
    Sandbox sandbox = open("cancels");
    AtomicInteger ran = new AtomicInteger();
    try (Scope scope = sandbox.test().bind()) {
      Future<?> future = executor().submit(ran::incrementAndGet);
      assertThat(future.cancel(false)).isTrue();
    }
    assertThat(counted(sandbox)).isEmpty();
    run.end(sandbox, null);
    free.countDown();
    assertThat(ran).hasValue(0);
  }

  @Test
  public void what_shutdownNow_drops_is_counted_no_more() throws Exception {
    CountDownLatch free = busy();
    Sandbox sandbox = open("dropped");
    AtomicInteger ran = new AtomicInteger();
    try (Scope scope = sandbox.test().bind()) {
      executor().execute(ran::incrementAndGet);
      executor().submit(ran::incrementAndGet);
    }
    assertThat(counted(sandbox)).hasSize(2);
    executor().shutdownNow();
    assertThat(counted(sandbox)).isEmpty();
    free.countDown();
    assertThat(executor().awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    run.end(sandbox, null);
    assertThat(ran).hasValue(0);
  }
}
