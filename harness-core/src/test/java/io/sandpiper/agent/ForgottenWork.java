package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What an ended test leaves can be collected; run by {@link AgentTests}. */
@Timeout(60)
class ForgottenWork {

  private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(30);

  private final Run run = Run.create();
  private final ExecutorService pool = Executors.newFixedThreadPool(1);
  private final ScheduledExecutorService scheduler = Executors.newScheduledThreadPool(1);
  private final ForkJoinPool forkJoin = new ForkJoinPool(1);
  private final ReferenceQueue<Object> collected = new ReferenceQueue<>();

  private interface Deed<T> {
    T in(Sandbox sandbox) throws Exception;
  }

  /** What a test has left to the application. */
  private record Left<T>(T thing, PhantomReference<Object> sandbox) {}

  @AfterEach
  void stop() {
    pool.shutdownNow();
    scheduler.shutdownNow();
    forkJoin.shutdownNow();
  }

  private <T> Left<T> passing(Deed<T> deed) throws Exception {
    Sandbox sandbox = open();
    T thing = in(sandbox, deed);
    run.end(sandbox, null);
    return new Left<>(thing, new PhantomReference<>(sandbox, collected));
  }

  private <T> Left<T> failing(Deed<T> deed) throws Exception {
    Sandbox sandbox = open();
    T thing = in(sandbox, deed);
    assertThatThrownBy(() -> run.end(sandbox, null)).hasMessageContaining("lost");
    return new Left<>(thing, new PhantomReference<>(sandbox, collected));
  }

  private Sandbox open() {
    return run.open(
        Sandbox.Settings.of("T.leaves", Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));
  }

  private static <T> T in(Sandbox sandbox, Deed<T> deed) throws Exception {
    try (Scope scope = sandbox.test().bind()) {
      return deed.in(sandbox);
    }
  }

  private void assertCollected(PhantomReference<Object> reference) throws Exception {
    long deadline = System.nanoTime() + LIMIT_NS;
    while (collected.remove(50) != reference) {
      assertThat(System.nanoTime()).as("collected in time").isLessThan(deadline);
      // What is known of tasks that are gone goes when another comes.
      pool.submit(() -> {}).get();
      System.gc();
    }
  }

  private static void fail() {
    throw new IllegalArgumentException("lost");
  }

  @Test
  void a_test_whose_task_failed_unseen() throws Exception {
    Left<Future<?>> left = failing(sandbox -> pool.submit(ForgottenWork::fail));
    assertCollected(left.sandbox());
    assertThatThrownBy(() -> left.thing().get()).hasMessageContaining("lost");
  }

  @Test
  void a_test_whose_fork_join_task_failed_unseen() throws Exception {
    Left<Future<?>> left = failing(sandbox -> forkJoin.submit(ForgottenWork::fail));
    assertCollected(left.sandbox());
    assertThatThrownBy(() -> left.thing().get()).hasMessageContaining("lost");
  }

  @Test
  void a_test_whose_future_failed_unseen() throws Exception {
    Left<CompletableFuture<Void>> left =
        failing(sandbox -> CompletableFuture.runAsync(ForgottenWork::fail, pool));
    assertCollected(left.sandbox());
    assertThatThrownBy(() -> left.thing().join()).hasMessageContaining("lost");
  }

  @Test
  void tests_that_ran_into_a_failure_that_was_there_before() throws Exception {
    IllegalArgumentException made = new IllegalArgumentException("lost");
    for (int i = 0; i < 2; i++) {
      Left<CompletableFuture<Object>> left =
          failing(
              sandbox ->
                  CompletableFuture.supplyAsync(
                      () -> {
                        throw made;
                      },
                      pool));
      assertCollected(left.sandbox());
      assertThatThrownBy(() -> left.thing().join()).hasCause(made);
    }
  }

  @Test
  void a_test_that_has_added_a_stage_to_a_future_of_the_application() throws Exception {
    CompletableFuture<String> closed = new CompletableFuture<>();
    Left<CompletableFuture<Void>> left = passing(sandbox -> closed.thenRun(() -> {}));
    assertCollected(left.sandbox());
    closed.complete("");
    left.thing().join();
  }

  @Test
  void a_test_whose_cancelled_timer_is_still_in_its_queue() throws Exception {
    Left<Future<?>> left =
        passing(
            sandbox -> {
              CountDownLatch ran = new CountDownLatch(1);
              Future<?> periodic =
                  scheduler.scheduleAtFixedRate(ran::countDown, 0, 1, TimeUnit.HOURS);
              assertThat(ran.await(30, TimeUnit.SECONDS)).isTrue();
              return periodic;
            });
    assertThat(left.thing().isCancelled()).isTrue();
    assertCollected(left.sandbox());
  }

  @Test
  void the_class_loader_of_threads_that_tests_have_started() throws Exception {
    Left<PhantomReference<Object>> left =
        passing(
            sandbox -> {
              ClassLoader loader = new OwnLoader(OwnThread.class);
              Class<?> type = loader.loadClass(OwnThread.class.getName());
              Thread thread = (Thread) type.getConstructor().newInstance();
              thread.start();
              thread.join();
              return new PhantomReference<>(loader, collected);
            });
    assertCollected(left.thing());
  }

  @Test
  void the_class_loader_of_a_watched_class() throws Exception {
    CallWatching.register(run);
    Left<PhantomReference<Object>> left =
        passing(
            sandbox -> {
              ClassLoader loader = new OwnLoader(OwnThread.class);
              Class<?> type = loader.loadClass(OwnThread.class.getName());
              sandbox.watch(type);
              ((Runnable) type.getConstructor().newInstance()).run();
              assertThat(sandbox.journal().toString()).contains("OwnThread.run");
              return new PhantomReference<>(loader, collected);
            });
    assertCollected(left.thing());
  }

  private static final class OwnLoader extends ClassLoader {

    private final Class<?> own;

    OwnLoader(Class<?> own) {
      super(own.getClassLoader());
      this.own = own;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.equals(own.getName())) {
        return super.loadClass(name, resolve);
      }
      synchronized (getClassLoadingLock(name)) {
        Class<?> loaded = findLoadedClass(name);
        return loaded == null ? define(name) : loaded;
      }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
      try (InputStream file =
          own.getClassLoader().getResourceAsStream(name.replace('.', '/') + ".class")) {
        if (file == null) {
          throw new ClassNotFoundException(name);
        }
        byte[] code = file.readAllBytes();
        return defineClass(name, code, 0, code.length);
      } catch (IOException unreadable) {
        throw new ClassNotFoundException(name, unreadable);
      }
    }
  }
}
