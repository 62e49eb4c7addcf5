package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.Optional;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What tests share and the first of them begins; run by {@link AgentTests}. */
class SharedWork extends AgentFixture {

  private static Optional<Sandbox> owner() {
    return Optional.ofNullable(current());
  }

  /** Every way to begin something, in an initializer. */
  static final class Initialized {

    static final BlockingQueue<Optional<Sandbox>> OWNERS = new LinkedBlockingQueue<>();
    static final ScheduledExecutorService POOL = Executors.newScheduledThreadPool(1);
    static final CompletableFuture<String> SOURCE = new CompletableFuture<>();
    static final int WAYS = 8;
    static final Thread THREAD = new Thread(Initialized::run);

    static {
      THREAD.start();
      POOL.execute(Initialized::run);
      POOL.submit(Initialized::run);
      POOL.schedule(Initialized::run, 1, TimeUnit.MILLISECONDS);
      ForkJoinPool.commonPool().execute(Initialized::run);
      CompletableFuture.runAsync(Initialized::run);
      CompletableFuture.runAsync(Initialized::run, POOL);
      SOURCE.thenRunAsync(Initialized::run);
    }

    private Initialized() {}

    private static void run() {
      OWNERS.add(owner());
    }
  }

  @Test
  void of_an_initializer_is_nobodys_in_every_way() throws Exception {
    assertThat(Initialized.THREAD).isNotNull();
    assertThat(open()).isZero();
    unbind();
    Initialized.SOURCE.complete("");
    for (int i = 0; i < Initialized.WAYS; i++) {
      assertThat(Initialized.OWNERS.take()).isEmpty();
    }
    end();
    Initialized.POOL.shutdown();
  }

  static final class Periodic {

    static final BlockingQueue<Optional<Sandbox>> TICKS = new LinkedBlockingQueue<>();
    static final BlockingQueue<Optional<Sandbox>> RUNS = new LinkedBlockingQueue<>();
    static final ScheduledExecutorService POOL = Executors.newScheduledThreadPool(1);
    static final ScheduledFuture<?> CLEANER =
        POOL.scheduleWithFixedDelay(() -> RUNS.add(owner()), 0, 1, TimeUnit.MILLISECONDS);
    static final Timer TIMER = new Timer(true);
    static final TimerTask TICKER =
        new TimerTask() {
          @Override
          public void run() {
            TICKS.add(owner());
          }
        };

    static {
      TIMER.schedule(TICKER, 0, 1);
    }

    private Periodic() {}
  }

  @Test
  void that_an_initializer_repeats_goes_on_when_the_first_test_has_ended() throws Exception {
    ScheduledFuture<?> cleaner = Periodic.CLEANER;
    assertThat(Periodic.RUNS.take()).isEmpty();
    assertThat(Periodic.TICKS.take()).isEmpty();
    unbind();
    end();
    Periodic.RUNS.clear();
    Periodic.TICKS.clear();
    assertThat(Periodic.RUNS.take()).isEmpty();
    assertThat(Periodic.TICKS.take()).isEmpty();
    assertThat(cleaner.isCancelled()).isFalse();
    assertThat(Periodic.TICKER.cancel()).as("it was going on").isTrue();
    Periodic.POOL.shutdownNow();
  }

  /** Starts its thread by a method, not by an initializer. */
  private static final class Lazy implements AutoCloseable {

    private final BlockingQueue<Runnable> queue = new LinkedBlockingQueue<>();
    private @Nullable Thread thread;

    synchronized void add(Runnable task) {
      if (thread == null) {
        thread = new Thread(this::work, "lazy loop");
        thread.start();
      }
      queue.add(task);
    }

    private void work() {
      try {
        while (true) {
          queue.take().run();
        }
      } catch (InterruptedException ended) {
        Thread.currentThread().interrupt();
      }
    }

    @Override
    public synchronized void close() {
      if (thread != null) {
        thread.interrupt();
      }
    }

    synchronized boolean waits() {
      return thread != null && thread.getState() == Thread.State.WAITING;
    }
  }

  @Test
  void of_a_loop_that_a_test_has_started_is_named_at_its_end_and_goes_on() throws Exception {
    unbind();
    Sandbox first =
        run.open(
            Sandbox.Settings.of("T.first", Isolation.NONE, this).withDrain(Duration.ofMillis(200)));
    Lazy loop = new Lazy();
    BlockingQueue<Optional<Sandbox>> owners = new LinkedBlockingQueue<>();
    Runnable note = () -> owners.add(owner());
    try (Scope scope = first.test().bind()) {
      loop.add(note);
    }
    assertThat(owners.take()).hasValue(first);
    while (!loop.waits()) {
      Thread.onSpinWait();
    }
    assertThatThrownBy(() -> run.end(first, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("on lazy loop")
        .hasMessageContaining("waits in a queue and was not interrupted")
        .hasMessageContaining("queue.add(Sandbox.wrap(…))");
    Sandbox next = openNext();
    try (Scope scope = next.test().bind()) {
      loop.add(Sandbox.wrap(note));
      assertThat(owners.take()).hasValue(next);
      loop.add(note);
      assertThat(owners.take()).as("still the ended one's, and refused").hasValue(first);
    }
    run.end(next, null);
    end();
    loop.close();
  }

  @Test
  void of_a_pool_that_waits_in_a_queue_is_interrupted_at_the_end() throws Exception {
    unbind();
    Sandbox first =
        run.open(
            Sandbox.Settings.of("T.first", Isolation.NONE, this).withDrain(Duration.ofMillis(200)));
    ExecutorService own = Executors.newFixedThreadPool(1);
    Future<?> waiting;
    try (Scope scope = first.test().bind()) {
      waiting = own.submit(() -> new LinkedBlockingQueue<>().take());
    }
    assertThatThrownBy(() -> run.end(first, null))
        .hasMessageContaining("What runs of it was told to stop, and has.");
    assertThatThrownBy(waiting::get).hasRootCauseInstanceOf(InterruptedException.class);
    assertThat(own.submit(() -> true).get()).isTrue();
    own.shutdown();
    end();
  }
}
