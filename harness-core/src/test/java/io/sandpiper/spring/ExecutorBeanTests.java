package io.sandpiper.spring;

import static io.sandpiper.Latches.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.ExecutorContract;
import io.sandpiper.Isolation;
import io.sandpiper.QueueingExecutorContract;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.ScheduledExecutorContract;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Delayed;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RecursiveTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.core.task.TaskExecutor;
import org.springframework.core.task.VirtualThreadTaskExecutor;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.Trigger;
import org.springframework.scheduling.concurrent.ConcurrentTaskExecutor;
import org.springframework.scheduling.concurrent.ConcurrentTaskScheduler;
import org.springframework.scheduling.concurrent.SimpleAsyncTaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.scheduling.support.PeriodicTrigger;

/** Executors that are beans: what they do and what they are. */
class ExecutorBeanTests {

  private final Queue<GenericApplicationContext> contexts = new ConcurrentLinkedQueue<>();

  private <T> T bean(Class<T> type, Supplier<T> factory) {
    GenericApplicationContext context = new GenericApplicationContext();
    contexts.add(context);
    context.registerBean(
        ExecutorPostProcessor.class,
        () -> new ExecutorPostProcessor(new ExecutorProxies(() -> false)));
    context.registerBean("executor", type, factory);
    context.refresh();
    return context.getBean(type);
  }

  private static ThreadPoolTaskExecutor taskExecutor() {
    ThreadPoolTaskExecutor executor = new ThreadPoolTaskExecutor();
    executor.setCorePoolSize(4);
    return executor;
  }

  private static ThreadPoolTaskScheduler taskScheduler() {
    ThreadPoolTaskScheduler scheduler = new ThreadPoolTaskScheduler();
    scheduler.setPoolSize(4);
    return scheduler;
  }

  @Nested
  class A_ThreadPoolExecutor extends QueueingExecutorContract {
    @Override
    protected ExecutorService create() {
      return bean(
          ThreadPoolExecutor.class,
          () -> new ThreadPoolExecutor(4, 4, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>()));
    }
  }

  @Nested
  class A_ScheduledThreadPoolExecutor extends ScheduledExecutorContract {
    @Override
    protected ScheduledExecutorService create() {
      return bean(ScheduledThreadPoolExecutor.class, () -> new ScheduledThreadPoolExecutor(4));
    }
  }

  @Nested
  class A_service_of_a_class_that_nobody_may_name extends ScheduledExecutorContract {
    @Override
    protected ScheduledExecutorService create() {
      return bean(
          ScheduledExecutorService.class,
          () ->
              Executors.unconfigurableScheduledExecutorService(
                  Executors.newScheduledThreadPool(4)));
    }
  }

  @Nested
  @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "There are no virtual threads.")
  class Virtual_threads extends ExecutorContract {
    @Override
    protected ExecutorService create() {
      VirtualThreadTaskExecutor executor =
          bean(VirtualThreadTaskExecutor.class, () -> new VirtualThreadTaskExecutor("v-"));
      assertThat(executor.getVirtualThreadFactory()).isNotNull();
      return new AsService(executor, null);
    }
  }

  @Nested
  class A_ThreadPoolTaskExecutor extends QueueingExecutorContract {
    @Override
    protected ExecutorService create() {
      ThreadPoolTaskExecutor executor =
          bean(ThreadPoolTaskExecutor.class, ExecutorBeanTests::taskExecutor);
      return new AsService(executor, executor::shutdown);
    }
  }

  @Nested
  class The_pool_inside_a_ThreadPoolTaskExecutor extends QueueingExecutorContract {
    @Override
    protected ExecutorService create() {
      ThreadPoolTaskExecutor executor =
          bean(ThreadPoolTaskExecutor.class, ExecutorBeanTests::taskExecutor);
      assertThat(executor.getThreadPoolExecutor()).isSameAs(executor.getThreadPoolExecutor());
      return executor.getThreadPoolExecutor();
    }
  }

  @Nested
  class A_SimpleAsyncTaskExecutor extends ExecutorContract {
    @Override
    protected ExecutorService create() {
      SimpleAsyncTaskExecutor executor =
          bean(SimpleAsyncTaskExecutor.class, SimpleAsyncTaskExecutor::new);
      return new AsService(executor, executor::close);
    }
  }

  @Nested
  class A_ConcurrentTaskExecutor extends QueueingExecutorContract {
    @Override
    protected ExecutorService create() {
      ThreadPoolExecutor pool =
          bean(
              ThreadPoolExecutor.class,
              () -> new ThreadPoolExecutor(4, 4, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>()));
      ConcurrentTaskExecutor executor =
          bean(ConcurrentTaskExecutor.class, () -> new ConcurrentTaskExecutor(pool));
      assertThat(executor.getConcurrentExecutor()).isSameAs(pool);
      return new AsService(executor, pool::shutdownNow);
    }
  }

  @Nested
  class A_ThreadPoolTaskScheduler extends ScheduledExecutorContract {
    @Override
    protected ScheduledExecutorService create() {
      ThreadPoolTaskScheduler scheduler =
          bean(ThreadPoolTaskScheduler.class, ExecutorBeanTests::taskScheduler);
      return new AsScheduledService(scheduler);
    }

    /** It logs the failure and goes on. */
    @Override
    @Test
    public void a_run_that_fails_fails_the_test() {
      Sandbox sandbox = open("fails");
      IllegalStateException bad = new IllegalStateException("tick");
      CountDownLatch ran = new CountDownLatch(2);
      try (Scope scope = sandbox.test().bind()) {
        scheduler()
            .scheduleAtFixedRate(
                () -> {
                  ran.countDown();
                  throw bad;
                },
                0,
                1,
                TimeUnit.MILLISECONDS);
      }
      await(ran);
      assertThatThrownBy(() -> run.end(sandbox, null)).hasCause(bad);
    }
  }

  private final Run run = Run.create();
  private final Sandbox sandbox =
      run.open(
          Sandbox.Settings.of("T.beans", Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));

  @AfterEach
  void end() {
    run.end(sandbox, null);
    contexts.forEach(GenericApplicationContext::close);
  }

  private static Work here() {
    Work work = Work.current();
    if (work == null) {
      throw new AssertionError("The task has no scope.");
    }
    return work;
  }

  @Test
  void beans_stay_what_they_are_and_final_methods_work() {
    SimpleAsyncTaskExecutor simple =
        bean(SimpleAsyncTaskExecutor.class, SimpleAsyncTaskExecutor::new);
    assertThat(simple.getConcurrencyLimit())
        .isEqualTo(SimpleAsyncTaskExecutor.UNBOUNDED_CONCURRENCY);
    assertThat(simple.isThrottleActive()).isFalse();
    assertThat(bean(ForkJoinPool.class, () -> new ForkJoinPool(3)).getParallelism()).isEqualTo(3);
    assertThat(bean(ScheduledThreadPoolExecutor.class, () -> new ScheduledThreadPoolExecutor(3)))
        .extracting(ScheduledThreadPoolExecutor::getCorePoolSize)
        .isEqualTo(3);
    assertThat(bean(ConcurrentTaskScheduler.class, ConcurrentTaskScheduler::new)).isNotNull();
    assertThat(bean(SimpleAsyncTaskScheduler.class, SimpleAsyncTaskScheduler::new).getPhase())
        .isEqualTo(new SimpleAsyncTaskScheduler().getPhase());
    ThreadPoolTaskExecutor pool =
        bean(ThreadPoolTaskExecutor.class, ExecutorBeanTests::taskExecutor);
    assertThat(pool.getThreadPoolExecutor().getCorePoolSize()).isEqualTo(4);
    assertThat(pool.isRunning()).isTrue();
    pool.shutdown();
    assertThat(pool.getThreadPoolExecutor().isShutdown()).isTrue();
  }

  private static final class Inner extends ThreadPoolExecutor {
    Inner() {
      super(1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>());
    }
  }

  @Test
  void a_bean_of_a_final_class_is_at_least_of_its_superclass() throws Exception {
    ThreadPoolExecutor pool = bean(ThreadPoolExecutor.class, Inner::new);
    try (Scope scope = sandbox.test().bind()) {
      assertThat(pool.submit(() -> here().sandbox()).get()).isSameAs(sandbox);
    }
  }

  @Test
  void an_executor_that_is_a_lambda_carries_too() throws Exception {
    CountDownLatch ran = new CountDownLatch(1);
    Executor executor = bean(Executor.class, () -> task -> new Thread(task).start());
    TaskExecutor another = bean(TaskExecutor.class, () -> task -> new Thread(task).start());
    try (Scope scope = sandbox.test().bind()) {
      executor.execute(
          () -> {
            assertThat(here().sandbox()).isSameAs(sandbox);
            another.execute(
                () -> {
                  assertThat(here().sandbox()).isSameAs(sandbox);
                  ran.countDown();
                });
          });
    }
    assertThat(ran.await(30, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void an_executor_that_is_wrapped_already_is_left_alone() {
    ExecutorService wrapped = Sandbox.wrap(Executors.newSingleThreadExecutor());
    assertThat(bean(ExecutorService.class, () -> wrapped)).isSameAs(wrapped);
    wrapped.shutdownNow();
  }

  private static final class Sum extends RecursiveTask<Integer> {
    private static final long serialVersionUID = 1;

    @Override
    protected Integer compute() {
      return here().sandbox().id().toString().length();
    }
  }

  @Test
  void a_scheduler_around_a_service_that_is_a_bean_repeats_until_its_test_ends() throws Exception {
    ScheduledThreadPoolExecutor service =
        bean(ScheduledThreadPoolExecutor.class, () -> new ScheduledThreadPoolExecutor(1));
    ConcurrentTaskScheduler scheduler =
        bean(ConcurrentTaskScheduler.class, () -> new ConcurrentTaskScheduler(service));
    CountDownLatch several = new CountDownLatch(3);
    try (Scope scope = sandbox.test().bind()) {
      scheduler.schedule(
          () -> {
            assertThat(here().sandbox()).isSameAs(sandbox);
            several.countDown();
          },
          new PeriodicTrigger(Duration.ofMillis(1)));
      ScheduledFuture<?> later = scheduler.schedule(() -> {}, Instant.now().plusSeconds(3600));
      assertThat(later.cancel(false)).isTrue();
    }
    await(several);
    run.end(sandbox, null);
    assertThat(service.submit(() -> Scope.currentWork() == null).get()).isTrue();
  }

  @Test
  void a_ForkJoinPool_gives_its_own_kind_of_future() throws Exception {
    ForkJoinPool pool = bean(ForkJoinPool.class, () -> new ForkJoinPool(1));
    CountDownLatch free = new CountDownLatch(1);
    int length = sandbox.id().toString().length();
    try (Scope scope = sandbox.test().bind()) {
      ForkJoinTask<Sandbox> task = pool.submit(() -> here().sandbox());
      assertThat(task.get()).isSameAs(sandbox);
      assertThat(pool.submit(new Sum()).get()).isEqualTo(length);
      assertThat(pool.invoke(new Sum())).isEqualTo(length);
      assertThat(pool.submit(() -> {}, "done").get()).isEqualTo("done");
      pool.execute(() -> await(free));
      ForkJoinTask<?> never = pool.submit(() -> {});
      assertThat(never.cancel(false)).isTrue();
      pool.execute(new Sum());
      free.countDown();
    }
    run.end(sandbox, null);
    assertThat(pool.submit(() -> Scope.currentWork() == null).get()).isTrue();
    pool.shutdownNow();
  }

  @Test
  void a_trigger_repeats_a_task_until_its_test_ends() throws Exception {
    ThreadPoolTaskScheduler scheduler =
        bean(ThreadPoolTaskScheduler.class, ExecutorBeanTests::taskScheduler);
    CountDownLatch several = new CountDownLatch(3);
    AtomicInteger ran = new AtomicInteger();
    ScheduledFuture<?> future;
    Trigger never = context -> null;
    try (Scope scope = sandbox.test().bind()) {
      future =
          scheduler.schedule(
              () -> {
                assertThat(here().sandbox()).isSameAs(sandbox);
                ran.incrementAndGet();
                several.countDown();
              },
              new PeriodicTrigger(Duration.ofMillis(1)));
      assertThat(scheduler.schedule(() -> {}, never) == null).isTrue();
    }
    await(several);
    run.end(sandbox, null);
    int atTheEnd = ran.get();
    assertThat(future != null && future.isCancelled()).isTrue();
    CountDownLatch after = new CountDownLatch(1);
    scheduler.schedule(after::countDown, Instant.now().plusMillis(50));
    await(after);
    assertThat(ran).hasValue(atTheEnd);
  }

  @Test
  void a_completable_future_whose_failure_nobody_looks_at_fails_the_test() {
    SimpleAsyncTaskExecutor executor =
        bean(SimpleAsyncTaskExecutor.class, SimpleAsyncTaskExecutor::new);
    IllegalStateException bad = new IllegalStateException("nobody looks");
    try (Scope scope = sandbox.test().bind()) {
      executor.submitCompletable(
          () -> {
            throw bad;
          });
    }
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasStackTraceContaining("nobody looks");
  }

  /** An executor of Spring under the names of the JDK. */
  private static class AsService extends AbstractExecutorService {

    private final AsyncTaskExecutor executor;
    private final @Nullable Runnable stop;
    private volatile boolean stopped;

    AsService(AsyncTaskExecutor executor, @Nullable Runnable stop) {
      this.executor = executor;
      this.stop = stop;
    }

    private AsyncTaskExecutor executor() {
      if (stopped && stop == null) {
        throw new RejectedExecutionException("stopped");
      }
      return executor;
    }

    @Override
    public void execute(Runnable task) {
      executor().execute(task);
    }

    @Override
    public Future<?> submit(Runnable task) {
      return executor().submit(task);
    }

    @Override
    public <T extends @Nullable Object> Future<T> submit(Runnable task, T result) {
      return executor().submit(Executors.callable(task, result));
    }

    @Override
    public <T extends @Nullable Object> Future<T> submit(Callable<T> task) {
      return executor().submit(task);
    }

    @Override
    public void shutdown() {
      stopped = true;
      if (stop != null) {
        stop.run();
      }
    }

    @Override
    public List<Runnable> shutdownNow() {
      shutdown();
      return List.of();
    }

    @Override
    public boolean isShutdown() {
      return stopped;
    }

    @Override
    public boolean isTerminated() {
      return stopped;
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) {
      return stopped;
    }
  }

  /** A scheduler of Spring under the names of the JDK. */
  private static final class AsScheduledService extends AsService
      implements ScheduledExecutorService {

    private final TaskScheduler scheduler;

    AsScheduledService(ThreadPoolTaskScheduler scheduler) {
      super(scheduler, scheduler::shutdown);
      this.scheduler = scheduler;
    }

    private static Duration duration(long amount, TimeUnit unit) {
      return Duration.of(amount, unit.toChronoUnit());
    }

    @Override
    public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
      return scheduler.schedule(task, Instant.now().plus(duration(delay, unit)));
    }

    @Override
    public <V extends @Nullable Object> ScheduledFuture<V> schedule(
        Callable<V> task, long delay, TimeUnit unit) {
      AtomicReference<@Nullable V> result = new AtomicReference<>();
      ScheduledFuture<?> future =
          schedule(
              () -> {
                try {
                  result.set(task.call());
                } catch (RuntimeException unchecked) {
                  throw unchecked;
                } catch (Exception checked) {
                  throw new IllegalStateException(checked);
                }
              },
              delay,
              unit);
      return new WithResult<>(future, result);
    }

    @Override
    public ScheduledFuture<?> scheduleAtFixedRate(
        Runnable task, long initialDelay, long period, TimeUnit unit) {
      return scheduler.scheduleAtFixedRate(
          task, Instant.now().plus(duration(initialDelay, unit)), duration(period, unit));
    }

    @Override
    public ScheduledFuture<?> scheduleWithFixedDelay(
        Runnable task, long initialDelay, long delay, TimeUnit unit) {
      return scheduler.scheduleWithFixedDelay(
          task, Instant.now().plus(duration(initialDelay, unit)), duration(delay, unit));
    }
  }

  private record WithResult<V extends @Nullable Object>(
      ScheduledFuture<?> future, AtomicReference<@Nullable V> result)
      implements ScheduledFuture<V> {

    @Override
    public long getDelay(TimeUnit unit) {
      return future.getDelay(unit);
    }

    @Override
    public int compareTo(Delayed other) {
      return future.compareTo(other);
    }

    @Override
    public boolean cancel(boolean mayInterrupt) {
      return future.cancel(mayInterrupt);
    }

    @Override
    public boolean isCancelled() {
      return future.isCancelled();
    }

    @Override
    public boolean isDone() {
      return future.isDone();
    }

    @Override
    @SuppressWarnings("NullAway") // It is null where V is nullable.
    public V get() throws InterruptedException, ExecutionException {
      future.get();
      return result.get();
    }

    @Override
    @SuppressWarnings("NullAway") // It is null where V is nullable.
    public V get(long timeout, TimeUnit unit)
        throws InterruptedException, ExecutionException, TimeoutException {
      future.get(timeout, unit);
      return result.get();
    }
  }
}
