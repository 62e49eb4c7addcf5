package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What classes begin when they are initialized belongs to no test, whichever needs them first. */
@Timeout(60)
class FirstUseTests {

  private static final ScheduledExecutorService POOL =
      Sandbox.wrap(Executors.newScheduledThreadPool(2));

  private static final Duration DRAIN = Duration.ofSeconds(30);

  private final Run run = Run.create();

  @AfterAll
  static void stop() {
    POOL.shutdownNow();
  }

  private Sandbox open(Sandboxed.Background background) {
    return run.open(
        Sandbox.Settings.of("T.test", Isolation.NONE, this)
            .withBackground(background)
            .withDrain(DRAIN));
  }

  private static <T extends @Nullable Object> T in(Sandbox sandbox, Supplier<T> deed) {
    try (Scope scope = sandbox.test().bind()) {
      return deed.get();
    }
  }

  private static boolean isSomebodys() {
    return Work.current() != null;
  }

  static final class Loader {
    static final Future<Boolean> LOADED = POOL.submit(FirstUseTests::isSomebodys);

    private Loader() {}
  }

  @Test
  void tasks_are_nobodys_and_the_timeline_says_why() throws Exception {
    Sandbox sandbox = open(Sandboxed.Background.CONCURRENT);
    Future<Boolean> somebodys = in(sandbox, () -> Loader.LOADED);
    assertThat(somebodys.get()).isFalse();
    assertThat(sandbox.journal())
        .asString()
        .contains("task lambda of ")
        .contains("begun by the initializer of " + Loader.class.getName() + " at ")
        .contains("works for no test");
    run.end(sandbox, null);
  }

  static final class Cleaner {
    static final BlockingQueue<Boolean> RUNS = new LinkedBlockingQueue<>();
    static final Future<?> CLEANING =
        POOL.scheduleAtFixedRate(() -> RUNS.add(isSomebodys()), 0, 1, TimeUnit.MILLISECONDS);

    private Cleaner() {}
  }

  @Test
  void periodic_tasks_go_on_when_the_first_test_has_ended() throws Exception {
    Sandbox sandbox = open(Sandboxed.Background.CONCURRENT);
    Future<?> cleaning = in(sandbox, () -> Cleaner.CLEANING);
    assertThat(Cleaner.RUNS.take()).isFalse();
    run.end(sandbox, null);
    Cleaner.RUNS.clear();
    assertThat(Cleaner.RUNS.take()).isFalse();
    assertThat(cleaning.isCancelled()).isFalse();
    cleaning.cancel(false);
  }

  static final class Consumer {
    static final BlockingQueue<Runnable> TASKS = new LinkedBlockingQueue<>();
    static final Future<?> LOOP = POOL.submit(Consumer::work);

    private Consumer() {}

    private static void work() {
      try {
        while (true) {
          TASKS.take().run();
        }
      } catch (InterruptedException ended) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Test
  void a_loop_does_not_run_in_its_submitter_and_works_for_whoever_wraps_what_it_takes()
      throws Exception {
    Sandbox first = open(Sandboxed.Background.INLINE);
    Future<?> loop = in(first, () -> Consumer.LOOP);
    Sandbox second = open(Sandboxed.Background.CONCURRENT);
    BlockingQueue<Sandbox> workedFor = new LinkedBlockingQueue<>();
    Runnable note = () -> workedFor.add(Sandbox.current());
    for (Sandbox each : new Sandbox[] {first, second, first}) {
      in(each, () -> Consumer.TASKS.add(Sandbox.wrap(note)));
      assertThat(workedFor.take()).isSameAs(each);
    }
    run.end(first, null);
    run.end(second, null);
    assertThat(loop.isDone()).isFalse();
    loop.cancel(true);
  }

  static final class PerTest {
    static final SandboxLocal<Future<Boolean>> VALUES =
        SandboxLocal.withInitial(() -> POOL.submit(FirstUseTests::isSomebodys));
    static final Future<Boolean> FIRST = VALUES.get();

    private PerTest() {}
  }

  @Test
  void what_makes_a_value_of_the_test_is_the_tests() throws Exception {
    Sandbox sandbox = open(Sandboxed.Background.CONCURRENT);
    assertThat(in(sandbox, () -> PerTest.FIRST).get()).isTrue();
    run.end(sandbox, null);
  }

  static final class SetUp {
    static final Future<Boolean> OUTSIDE = POOL.submit(Sandbox::isOutside);

    private SetUp() {}
  }

  @Test
  void what_is_outside_of_sandboxes_stays_there() throws Exception {
    assertThat(Sandbox.outside(() -> SetUp.OUTSIDE).get()).isTrue();
  }

  static final class Initialized {
    static final CountDownLatch DONE = new CountDownLatch(0);

    private Initialized() {}

    static Future<Boolean> submit() {
      return POOL.submit(FirstUseTests::isSomebodys);
    }
  }

  @Test
  void a_class_that_has_been_initialized_begins_what_the_test_asks_for() throws Exception {
    Sandbox sandbox = open(Sandboxed.Background.CONCURRENT);
    assertThat(Initialized.DONE.getCount()).isZero();
    assertThat(in(sandbox, Initialized::submit).get()).isTrue();
    run.end(sandbox, null);
  }
}
