package io.sandpiper.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousServerSocketChannel;
import java.nio.channels.AsynchronousSocketChannel;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SubmissionPublisher;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** What the JDK builds on its threads and pools; run by {@link AgentTests}. */
class ThreadsOfTheJdk extends AgentFixture {

  @Test
  void that_wait_for_a_process_are_nobodys() throws Exception {
    Process process = new ProcessBuilder("cat").start();
    try {
      assertThat(open()).isZero();
      unbind();
      end();
    } finally {
      process.destroy();
      process.waitFor();
    }
  }

  @Test
  void of_an_http_client_serve_the_next_test_as_well() throws Exception {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    Queue<Boolean> owned = new ConcurrentLinkedQueue<>();
    server.createContext(
        "/",
        exchange -> {
          owned.add(current() != null);
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    server.start();
    URI uri = URI.create("http://localhost:" + server.getAddress().getPort() + "/");
    HttpClient client = HttpClient.newHttpClient();
    HttpRequest request = HttpRequest.newBuilder(uri).build();
    HttpResponse.BodyHandler<Void> nothing = HttpResponse.BodyHandlers.discarding();
    assertThat(client.send(request, nothing).statusCode()).isEqualTo(204);
    unbind();
    end();
    Sandbox next = openNext();
    try (Scope scope = next.test().bind()) {
      assertThat(client.sendAsync(request, nothing).thenApply(response -> current()).get())
          .isSameAs(next);
    }
    run.end(next, null);
    assertThat(client.sendAsync(request, nothing).thenApply(response -> current()).get()).isNull();
    assertThat(owned).hasSize(3).containsOnly(false);
    server.stop(0);
  }

  @Test
  void of_asynchronous_channels_run_handlers_and_are_not_waited_for() throws Exception {
    try (AsynchronousServerSocketChannel server =
        AsynchronousServerSocketChannel.open()
            .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
      Future<AsynchronousSocketChannel> accepted = server.accept();
      try (AsynchronousSocketChannel client = AsynchronousSocketChannel.open()) {
        client.connect(server.getLocalAddress()).get();
        client.write(ByteBuffer.wrap(new byte[] {1})).get();
        ByteBuffer read = ByteBuffer.allocate(1);
        accepted.get().read(read).get();
        assertThat(read.get(0)).isEqualTo((byte) 1);
      }
      unbind();
      end();
    }
  }

  @Test
  void complete_a_future_with_what_is_supplied_later() throws Exception {
    assertThat(
            new CompletableFuture<@Nullable Sandbox>()
                .completeAsync(AgentFixture::current, pool)
                .get())
        .isSameAs(sandbox);
    new CompletableFuture<@Nullable Void>()
        .completeAsync(
            () -> {
              gated().run();
              return null;
            },
            pool);
    assertWaits();
    assertThat(seen).hasValue(sandbox);
  }

  @Test
  void tell_of_timeouts_in_the_scope_of_whoever_waits() throws Exception {
    CompletableFuture<@Nullable Sandbox> late =
        new CompletableFuture<@Nullable Sandbox>()
            .orTimeout(1, TimeUnit.MILLISECONDS)
            .handle((value, failure) -> failure instanceof TimeoutException ? current() : null);
    assertThat(late.get()).isSameAs(sandbox);
    assertThat(
            new CompletableFuture<String>()
                .completeOnTimeout("late", 1, TimeUnit.MILLISECONDS)
                .thenApply(value -> current())
                .get())
        .isSameAs(sandbox);
    end();
  }

  @Test
  void publish_to_subscribers_and_are_waited_for() {
    SubmissionPublisher<String> publisher = new SubmissionPublisher<>(forkJoin, 8);
    Queue<@Nullable Sandbox> received = new ConcurrentLinkedQueue<>();
    publisher.subscribe(
        new Flow.Subscriber<>() {
          @Override
          public void onSubscribe(Flow.Subscription subscription) {
            subscription.request(Long.MAX_VALUE);
          }

          @Override
          public void onNext(String item) {
            received.add(current());
          }

          @Override
          public void onError(Throwable failure) {
            throw new AssertionError(failure);
          }

          @Override
          public void onComplete() {}
        });
    for (int i = 0; i < 100; i++) {
      publisher.submit("item");
    }
    publisher.close();
    unbind();
    end();
    assertThat(received).hasSize(100).containsOnly(sandbox);
  }

  @Test
  void hand_completed_tasks_to_a_completion_service() throws Exception {
    ExecutorCompletionService<@Nullable Sandbox> service = new ExecutorCompletionService<>(pool);
    service.submit(AgentFixture::current);
    assertThat(service.take().get()).isSameAs(sandbox);
    service.submit(
        () -> {
          throw new IllegalArgumentException("asked");
        });
    Future<@Nullable Sandbox> failed = service.take();
    assertThatThrownBy(failed::get).hasMessageContaining("asked");
    end();
    unbind();
  }

  @Test
  void do_not_wait_for_tasks_that_are_purged() throws Exception {
    fill();
    pool.submit(this::look).cancel(false);
    pool.purge();
    FutureTask<@Nullable Void> removed = new FutureTask<>(this::look, null);
    pool.execute(removed);
    assertThat(pool.remove(removed)).isTrue();
    assertThat(open()).isEqualTo(1);
    assertNothingElseIsWaitedFor();
  }

  @Test
  void leave_what_shutdown_now_returns_to_whoever_runs_it() throws Exception {
    fill();
    pool.execute(this::look);
    FutureTask<@Nullable Sandbox> future = new FutureTask<>(AgentFixture::current);
    pool.execute(future);
    List<Runnable> never = pool.shutdownNow();
    unbind();
    Sandbox next = openNext();
    try (Scope scope = next.test().bind()) {
      never.forEach(Runnable::run);
    }
    assertThat(seen).hasValue(next);
    assertThat(future.get()).isSameAs(next);
    run.end(next, null);
    assertThatThrownBy(this::end).hasMessageContaining("InterruptedException");
  }

  @Test
  void do_not_wait_for_what_a_handler_takes_out_of_the_queue() throws Exception {
    pool.setRejectedExecutionHandler(
        (task, rejecting) -> {
          rejecting.getQueue().poll();
          rejecting.execute(task);
        });
    fill();
    for (int i = 0; i < 5; i++) {
      pool.execute(this::look);
    }
    gate.countDown();
    unbind();
    end();
    assertThat(seen).hasValue(sandbox);
  }

  @Test
  void wait_for_what_a_handler_gives_to_another_pool() throws Exception {
    ThreadPoolExecutor other =
        new ThreadPoolExecutor(1, 1, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>());
    CountDownLatch mayRun = new CountDownLatch(1);
    CountDownLatch busy = new CountDownLatch(1);
    fill();
    for (int i = 0; i < 3; i++) {
      pool.execute(() -> {});
    }
    pool.setRejectedExecutionHandler((task, rejecting) -> other.execute(task));
    Runnable twice =
        () -> {
          busy.countDown();
          if (mayRun.getCount() > 0) {
            try {
              mayRun.await();
            } catch (InterruptedException interrupted) {
              throw new IllegalStateException(interrupted);
            }
          }
          look();
        };
    pool.execute(twice);
    assertThat(busy.await(30, TimeUnit.SECONDS)).isTrue();
    pool.execute(twice);
    pool.execute(twice);
    assertThat(open()).isEqualTo(7);
    gate.countDown();
    mayRun.countDown();
    unbind();
    end();
    assertThat(seen).hasValue(sandbox);
    assertThat(other.submit(AgentFixture::current).get()).isNull();
    other.shutdown();
  }

  @Test
  void count_a_task_again_that_a_handler_has_refused_before() throws Exception {
    pool.setRejectedExecutionHandler((task, rejecting) -> {});
    fill();
    for (int i = 0; i < 3; i++) {
      pool.execute(() -> {});
    }
    Runnable dropped = gated();
    pool.execute(dropped);
    assertThat(open()).isEqualTo(4);
    forkJoin.execute(dropped);
    scheduler.execute(dropped);
    assertThat(open()).isEqualTo(6);
    assertWaits();
    assertThat(seen).hasValue(sandbox);
  }

  @Test
  void do_not_wait_for_delayed_tasks_that_a_shut_scheduler_drops() {
    ScheduledThreadPoolExecutor shut = new ScheduledThreadPoolExecutor(1);
    shut.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    shut.setRemoveOnCancelPolicy(true);
    shut.schedule(this::look, 1, TimeUnit.HOURS);
    shut.schedule(this::look, 1, TimeUnit.HOURS).cancel(false);
    assertThat(open()).isEqualTo(1);
    shut.shutdown();
    assertThat(open()).isZero();
    end();
  }

  @Test
  void cancel_a_periodic_task_that_goes_on_after_shutdown() throws Exception {
    ScheduledThreadPoolExecutor shut = new ScheduledThreadPoolExecutor(1);
    shut.setContinueExistingPeriodicTasksAfterShutdownPolicy(true);
    CountDownLatch several = new CountDownLatch(3);
    shut.scheduleAtFixedRate(several::countDown, 0, 1, TimeUnit.MILLISECONDS);
    shut.shutdown();
    assertThat(several.await(30, TimeUnit.SECONDS)).isTrue();
    end();
    assertThat(shut.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void that_a_pool_starts_inside_a_test_are_not_waited_for_though_the_application_makes_them()
      throws Exception {
    ThreadFactory own = task -> new Thread(task, "of the application");
    ThreadPoolExecutor lazy =
        new ThreadPoolExecutor(1, 1, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>(), own);
    assertThat(lazy.submit(AgentFixture::current).get()).isSameAs(sandbox);
    end();
    unbind();
    assertThat(lazy.submit(AgentFixture::current).get()).isNull();
    lazy.shutdown();
  }

  @Test
  void report_a_failure_in_a_wrapped_future_once() {
    for (boolean wrapped : new boolean[] {false, true}) {
      Sandbox own = openNext();
      IllegalArgumentException bad = new IllegalArgumentException("lost");
      try (Scope scope = own.test().bind()) {
        Sandbox.wrap(
            CompletableFuture.supplyAsync(
                () -> {
                  throw wrapped ? new CompletionException(bad) : bad;
                },
                pool));
        Sandbox.wrap(CompletableFuture.completedFuture(1))
            .thenApplyAsync(
                one -> {
                  throw wrapped ? new CompletionException(bad) : bad;
                },
                pool);
      }
      assertThatThrownBy(() -> run.end(own, null))
          .hasMessageContaining("lost")
          .hasCause(bad)
          .satisfies(thrown -> assertThat(thrown.getSuppressed()).isEmpty());
    }
  }

  @Test
  void do_not_report_a_failure_in_a_wrapped_future_that_somebody_looked_at() {
    CompletableFuture<Object> failing =
        Sandbox.wrap(
            CompletableFuture.supplyAsync(
                () -> {
                  throw new IllegalArgumentException("seen");
                },
                pool));
    assertThatThrownBy(failing::join).hasMessageContaining("seen");
    assertThatThrownBy(() -> failing.thenApply(value -> 1).join()).hasMessageContaining("seen");
    end();
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21)
  void that_are_virtual_and_sleep_count_once() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    Thread virtual =
        startVirtual(
            () -> {
              begun.countDown();
              LockSupport.parkNanos(TimeUnit.HOURS.toNanos(1));
              look();
            });
    assertThat(begun.await(30, TimeUnit.SECONDS)).isTrue();
    while (virtual.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    assertThat(open()).isEqualTo(1);
    LockSupport.unpark(virtual);
    end();
    assertThat(seen).hasValue(sandbox);
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21)
  void that_are_virtual_work_for_whoever_starts_them() throws Exception {
    Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
    Thread unstarted =
        (Thread)
            Class.forName("java.lang.Thread$Builder")
                .getMethod("unstarted", Runnable.class)
                .invoke(builder, (Runnable) this::look);
    unbind();
    Sandbox next = openNext();
    try (Scope scope = next.test().bind()) {
      unstarted.start();
    }
    run.end(next, null);
    assertThat(seen).hasValue(next);
    end();
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21)
  void for_each_task_are_carried_by_a_factory_of_platform_threads() throws Exception {
    try (AutoCloseable closing =
        (AutoCloseable)
            Executors.class
                .getMethod("newThreadPerTaskExecutor", ThreadFactory.class)
                .invoke(null, (ThreadFactory) Thread::new)) {
      ExecutorService each = (ExecutorService) closing;
      assertThat(each.submit(AgentFixture::current).get()).isSameAs(sandbox);
      each.execute(gated());
      assertWaits();
      assertThat(seen).hasValue(sandbox);
    }
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_25)
  void of_a_structured_scope_are_carried() throws Exception {
    Class<?> type = Class.forName("java.util.concurrent.StructuredTaskScope");
    try (AutoCloseable scope = (AutoCloseable) type.getMethod("open").invoke(null)) {
      Object task =
          type.getMethod("fork", Callable.class)
              .invoke(scope, (Callable<@Nullable Sandbox>) AgentFixture::current);
      type.getMethod("join").invoke(scope);
      Method get = Class.forName(type.getName() + "$Subtask").getMethod("get");
      assertThat(get.invoke(task)).isSameAs(sandbox);
    }
    end();
  }

  private static Thread startVirtual(Runnable task) throws ReflectiveOperationException {
    return (Thread) Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task);
  }
}
