package io.sandpiper.agent;

import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import io.sandpiper.context.ScopedExecutors;
import io.sandpiper.context.UnitOfWork;
import java.lang.instrument.Instrumentation;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.TimerTask;
import java.util.concurrent.Delayed;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.Future;
import java.util.concurrent.RunnableScheduledFuture;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Carries the sandbox from the thread that asks for something to the thread that does it.
 *
 * <p>What was asked for is known by the identity of the object that the JDK will run; no object of
 * the application is wrapped, but the one that waits in a pool already and is given to one again.
 */
final class Carrier extends AgentBridge {

  private static final String CANCELLER = "java.util.concurrent.CompletableFuture$Canceller";
  private static final String TIMEOUT = "java.util.concurrent.ForkJoinPool$TimeoutAction";
  private static final String VIRTUAL_THREADS = "java.lang.VirtualThread";

  private static final Predicate<Future<?>> CANCEL_FUTURE = task -> task.cancel(false);
  private static final Predicate<TimerTask> CANCEL_TIMER_TASK = TimerTask::cancel;

  private final Errands errands = new Errands();
  private final PoolTasks pools = new PoolTasks(errands);

  /** By a weak reference: a future may live as long as the application. */
  private final IdentityMap<WeakReference<Sandbox>> stages = new IdentityMap<>();

  private final IdentityMap<Execution> executions = new IdentityMap<>();
  private final Failures failures = new Failures();
  private final Instruments instruments;
  private final Instrumentation instrumentation;

  Carrier(Instruments instruments, Instrumentation instrumentation) {
    this.instruments = instruments;
    this.instrumentation = instrumentation;
  }

  /** What the JVM has given to the agent. */
  Instrumentation instrumentation() {
    return instrumentation;
  }

  /** What is known of tasks that have not begun; for tests of leaks. */
  int waiting() {
    return errands.size();
  }

  // Pools

  @Override
  public Runnable executing(Runnable task) {
    return pools.executing(task);
  }

  @Override
  public @Nullable Object rejecting(ThreadPoolExecutor pool, Runnable task) {
    return pools.rejecting(pool, task);
  }

  @Override
  public void rejected(
      ThreadPoolExecutor pool,
      Runnable task,
      @Nullable Object rejecting,
      @Nullable Throwable thrown) {
    pools.rejected(pool, task, rejecting, thrown);
  }

  @Override
  public void notGiven(ThreadPoolExecutor pool, Runnable task) {
    pools.notGiven(pool, task);
  }

  @Override
  public Runnable removing(Runnable task) {
    return pools.removing(task);
  }

  @Override
  public void removed(Runnable task) {
    pools.removed(task);
  }

  @Override
  public List<Runnable> neverRun(List<Runnable> tasks) {
    return pools.neverRun(tasks);
  }

  @Override
  public void delaying(RunnableScheduledFuture<?> task) {
    pools.delaying(task);
  }

  @Override
  protected void runTask(Runnable task) {
    pools.run(task);
  }

  @Override
  public void abandoned(Object task) {
    errands.abandoned(task);
  }

  @Override
  public void ended(@Nullable Object begun, @Nullable Throwable failure) {
    if (begun != null) {
      ((Errand.Begun) begun).end(failure);
    }
  }

  // Futures

  @Override
  public void failed(@Nullable Object future, Throwable failure) {
    if (future instanceof ForkJoinTask<?> task) {
      Execution execution = executions.get(task);
      if (execution != null) {
        execution.failed(failure);
      }
    } else if (!(future instanceof Runnable task) || !ScopedExecutors.isScoped(task)) {
      failures.kept(future, failure);
    }
  }

  @Override
  public void seenOf(Object future) {
    failures.seenOf(future);
  }

  @Override
  public void seen(@Nullable Throwable failure) {
    failures.seen(failure);
  }

  @Override
  public void askedOf(ForkJoinTask<?> task) {
    Execution execution = executions.get(task);
    if (execution != null && task.isCompletedAbnormally()) {
      execution.failureSeen();
    }
  }

  @Override
  public @Nullable Object looking(String method, @Nullable Object function) {
    return function == null || function.getClass().getName().equals(CANCELLER)
        ? function
        : Looking.of(method, function, failures);
  }

  @Override
  public void staged(Object stage) {
    Work current = Work.current();
    if (current != null && !Sandbox.isFirstUse()) {
      stages.put(stage, new WeakReference<>(current.sandbox()));
    }
  }

  @Override
  public @Nullable Object firing(Object stage) {
    WeakReference<Sandbox> added = stages.get(stage);
    Sandbox adder = added == null ? null : added.get();
    Work current = Work.current();
    if (adder == null || (current != null && current.sandbox() == adder)) {
      return null;
    }
    Work work = adder.begin("stage " + stage.getClass().getSimpleName() + " of a future");
    return work == null ? new Errand.Begun(null, adder.test().bind()) : Errand.Begun.bind(work);
  }

  @Override
  public @Nullable Object forItself() {
    return Errand.NOBODYS.begin();
  }

  // Fork and join

  @Override
  public void submitting(ForkJoinPool pool, ForkJoinTask<?> task) {
    if (pool.getFactory().getClass().getName().startsWith(VIRTUAL_THREADS)) {
      return;
    }
    Errand errand = Errands.of(task);
    if (errand == Errand.NOBODYS) {
      errands.putIfAbsent(task, errand);
    } else {
      errands.give(task, errand);
    }
  }

  @Override
  public void forking(ForkJoinTask<?> task) {
    UnitOfWork whole = Scope.currentWork();
    if (whole == null) {
      errands.putIfAbsent(task, Errand.NOBODYS);
    } else {
      errands.give(task, new Errand.Part(whole));
    }
  }

  @Override
  public void scheduled(ForkJoinTask<?> task, long period, @Nullable Runnable command) {
    Work current = Work.current();
    if (current == null
        || (command != null && command.getClass().getName().equals(TIMEOUT))
        || !Caller.here().isOfTest()) {
      return;
    }
    long delay = ((Delayed) task).getDelay(TimeUnit.NANOSECONDS);
    errands.give(task, Errand.planned((Future<?>) task, delay, period != 0, CANCEL_FUTURE));
  }

  @Override
  public @Nullable Object beginning(ForkJoinTask<?> task) {
    Errand errand = errands.claim(task);
    Errand.Begun begun = errand == null ? null : errand.begin();
    if (begun != null && begun.counted() != null) {
      // Whoever waits for the task may ask for its failure before executed() is called.
      executions.put(task, new Execution(begun.counted()));
    }
    return begun;
  }

  @Override
  public void executed(ForkJoinTask<?> task, @Nullable Object begun) {
    if (begun == null) {
      return;
    }
    Execution execution = executions.get(task);
    Throwable failure = execution == null ? null : execution.takeFailure();
    if (failure == null) {
      executions.remove(task);
    }
    ended(begun, failure);
  }

  // Timers and threads

  @Override
  public @Nullable Object timing(TimerTask task, long time, long period) {
    Work current = Work.current();
    if (current == null || !Caller.here().isOfTest()) {
      return null;
    }
    long delay = TimeUnit.MILLISECONDS.toNanos(time - System.currentTimeMillis());
    return errands.start(task, Errand.planned(task, delay, period != 0, CANCEL_TIMER_TASK));
  }

  @Override
  public void notStarted(Object started, @Nullable Object starting) {
    if (starting instanceof Errand errand && errands.remove(started, errand)) {
      errand.abandon();
    }
  }

  @Override
  public void cleared(@Nullable Object[] tasks) {
    for (Object task : tasks) {
      if (task != null) {
        abandoned(task);
      }
    }
  }

  @Override
  public @Nullable Object starting(Thread thread) {
    if (Scope.currentWork() == null || isInternal(thread.getClass())) {
      return null;
    }
    Caller caller = Caller.ofThread();
    Work current = Work.current();
    if (current == null) {
      return caller == Caller.THREAD_PER_TASK ? errands.start(thread, Errands.of(thread)) : null;
    }
    if (caller != Caller.APPLICATION && caller != Caller.THREAD_PER_TASK) {
      return null;
    }
    try {
      instruments.threadClass(thread.getClass());
    } catch (IllegalStateException | LinkageError unchangeable) {
      current
          .sandbox()
          .journal()
          .note("%s works for no test: %s".formatted(thread, unchangeable.getMessage()));
      return null;
    }
    return errands.start(thread, Errand.of(thread));
  }

  /** Whether threads of a class do what the JDK needs for itself. */
  private static boolean isInternal(Class<?> type) {
    return type.getClassLoader() == null && !type.getPackageName().equals("java.lang");
  }

  @Override
  public @Nullable Object running(Thread thread) {
    Errand errand = errands.claim(thread);
    return errand == null ? null : errand.begin();
  }

  @Override
  public Runnable virtual(Thread thread, Runnable task) {
    Errand errand = errands.claim(thread);
    return errand == null
        ? task
        : () -> {
          Errand.Begun begun = errand.begin();
          if (begun == null) {
            task.run();
          } else {
            PoolTasks.runAs(task, begun);
          }
        };
  }
}
