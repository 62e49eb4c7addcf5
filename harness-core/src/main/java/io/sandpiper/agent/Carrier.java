package io.sandpiper.agent;

import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import io.sandpiper.context.ScopedExecutors;
import io.sandpiper.context.UnitOfWork;
import java.lang.instrument.Instrumentation;
import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
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

  private final IdentityMap<Errand> errands = new IdentityMap<>();

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
    if (ScopedExecutors.isScoped(task)) {
      return task;
    }
    if (task instanceof SubmittedAgain again) {
      return new SubmittedAgain(again.task(), errand(again.task()));
    }
    Errand errand = errand(task);
    if (errand == Errand.NOBODYS && (task instanceof Future)) {
      // Nobody gives the same future to a pool twice, so there is nothing to tell apart.
      return task;
    }
    while (true) {
      Errand waiting = errands.putIfAbsent(task, errand);
      if (waiting == null) {
        return task;
      }
      if (!(waiting instanceof Errand.Rejected)) {
        return new SubmittedAgain(task, errand);
      }
      // Its pool did not take it, and whoever decides about that gives it to one again.
      if (errands.replace(task, waiting, errand)) {
        waiting.abandon();
        return task;
      }
    }
  }

  private static Errand errand(Object task) {
    UnitOfWork current = Scope.currentWork();
    if (current == null) {
      return Errand.NOBODYS;
    }
    Caller caller = Caller.here();
    if (current instanceof Work) {
      return caller == Caller.SHARED ? Errand.NOBODYS : Errand.once(task);
    }
    // What libraries begin outside of all sandboxes, such as the loops of a container, goes on.
    return caller == Caller.APPLICATION ? new Errand.Part(current) : Errand.NOBODYS;
  }

  @Override
  public @Nullable Object rejecting(ThreadPoolExecutor pool, Runnable task) {
    Errand errand = errands.get(task);
    if (errand != null) {
      errands.replace(task, errand, new Errand.Rejected(errand));
    }
    boolean ofJdk = pool.getRejectedExecutionHandler().getClass().getClassLoader() == null;
    return ofJdk ? null : List.of(pool.getQueue().toArray());
  }

  @Override
  public void rejected(
      ThreadPoolExecutor pool,
      Runnable task,
      @Nullable Object rejecting,
      @Nullable Throwable thrown) {
    boolean waits = pool.getQueue().contains(task);
    if (task instanceof SubmittedAgain again) {
      if (!waits) {
        again.errand().abandon();
      }
    } else if (errands.get(task) instanceof Errand.Rejected rejected) {
      if (waits) {
        errands.replace(task, rejected, rejected.errand());
      } else if (rejecting != null && thrown == null) {
        unexpected(task);
      } else if (errands.remove(task, rejected)) {
        rejected.abandon();
      }
    }
    // Otherwise the handler has given it to a pool.
    if (rejecting instanceof List<?> before) {
      Set<Object> now = Collections.newSetFromMap(new IdentityHashMap<>());
      now.addAll(Arrays.asList(pool.getQueue().toArray()));
      before.stream().filter(each -> !now.contains(each)).forEach(this::unexpected);
    }
  }

  /** A handler may have taken a task out of its queue, or a thread of the pool. */
  private void unexpected(Object task) {
    if (task instanceof SubmittedAgain again) {
      again.errand().abandon();
      return;
    }
    Errand errand = errands.get(task);
    if (errand != null && errands.replace(task, errand, errand.unexpected())) {
      errand.abandon();
    }
  }

  @Override
  public void notGiven(ThreadPoolExecutor pool, Runnable task) {
    if (pool.getQueue().contains(task)) {
      return;
    }
    if (task instanceof SubmittedAgain again) {
      again.errand().abandon();
    } else {
      abandoned(task);
    }
  }

  @Override
  public Runnable removing(Runnable task) {
    return task instanceof Future ? task : new Sought(task);
  }

  @Override
  public void removed(Runnable task) {
    Object found = task instanceof Sought sought ? sought.found() : task;
    if (found instanceof SubmittedAgain again) {
      again.errand().abandon();
    } else if (found != null) {
      abandoned(found);
    }
  }

  @Override
  public List<Runnable> neverRun(List<Runnable> tasks) {
    tasks.replaceAll(
        task -> {
          if (task instanceof SubmittedAgain again) {
            again.errand().abandon();
            return again.task();
          }
          abandoned(task);
          return task;
        });
    return tasks;
  }

  @Override
  public void delaying(RunnableScheduledFuture<?> task) {
    Work current = Work.current();
    if (current == null) {
      delayingForNobody(task);
      return;
    }
    Caller caller = Caller.here();
    long delay = task.getDelay(TimeUnit.NANOSECONDS);
    boolean later = task.isPeriodic() || delay > 0;
    if (later ? !isOfTest(caller) : caller == Caller.SHARED) {
      return;
    }
    give(task, planned(task, delay, task.isPeriodic()));
  }

  private static <T extends Future<?>> Errand planned(T task, long delay, boolean repeated) {
    return repeated
        ? Errand.repeated(task, CANCEL_FUTURE)
        : Errand.later(task, delay, CANCEL_FUTURE);
  }

  private void delayingForNobody(RunnableScheduledFuture<?> task) {
    if (Scope.currentWork() != null
        && !task.isPeriodic()
        && task.getDelay(TimeUnit.NANOSECONDS) <= 0) {
      give(task, errand(task));
    }
  }

  /** What a library plans for later it plans for itself: it outlives the test. */
  private static boolean isOfTest(Caller caller) {
    return caller == Caller.APPLICATION || caller == Caller.JDK;
  }

  private void give(Object task, Errand errand) {
    Errand before = errands.put(task, errand);
    if (before != null) {
      before.abandon();
    }
  }

  @Override
  protected void runTask(Runnable task) {
    Runnable actual = task instanceof SubmittedAgain again ? again.task() : task;
    Errand errand = task instanceof SubmittedAgain again ? again.errand() : claim(task);
    Errand.Begun begun = errand == null ? null : errand.begin();
    if (begun != null) {
      run(actual, begun);
    } else if (errand == null || !errand.repeats()) {
      actual.run();
    }
  }

  private static void run(Runnable task, Errand.Begun begun) {
    Throwable failure = null;
    try {
      task.run();
    } catch (Throwable thrown) {
      failure = thrown;
      throw thrown;
    } finally {
      begun.end(failure);
    }
  }

  private @Nullable Errand claim(Object task) {
    Errand errand = errands.get(task);
    return errand == null || errand.repeats() || errands.remove(task, errand) ? errand : null;
  }

  @Override
  public void abandoned(Object task) {
    Errand errand = errands.get(task);
    // A run of a repeated one may be about to begin.
    if (errand != null
        && (errand.repeats()
            ? errands.replace(task, errand, Errand.OVER)
            : errands.remove(task, errand))) {
      errand.abandon();
    }
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
    if (current != null) {
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
    Errand errand = errand(task);
    if (errand == Errand.NOBODYS) {
      errands.putIfAbsent(task, errand);
    } else {
      give(task, errand);
    }
  }

  @Override
  public void forking(ForkJoinTask<?> task) {
    UnitOfWork whole = Scope.currentWork();
    if (whole == null) {
      errands.putIfAbsent(task, Errand.NOBODYS);
    } else {
      give(task, new Errand.Part(whole));
    }
  }

  @Override
  public void scheduled(ForkJoinTask<?> task, long period, @Nullable Runnable command) {
    Work current = Work.current();
    if (current == null
        || (command != null && command.getClass().getName().equals(TIMEOUT))
        || !isOfTest(Caller.here())) {
      return;
    }
    long delay = ((Delayed) task).getDelay(TimeUnit.NANOSECONDS);
    give(task, planned(task, delay, period != 0));
  }

  @Override
  public @Nullable Object beginning(ForkJoinTask<?> task) {
    Errand errand = claim(task);
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
    if (current == null || !isOfTest(Caller.here())) {
      return null;
    }
    long nanos = TimeUnit.MILLISECONDS.toNanos(time - System.currentTimeMillis());
    return start(
        task,
        period == 0
            ? Errand.later(task, nanos, CANCEL_TIMER_TASK)
            : Errand.repeated(task, CANCEL_TIMER_TASK));
  }

  private @Nullable Errand start(Object started, Errand errand) {
    if (errands.putIfAbsent(started, errand) == null) {
      return errand;
    }
    errand.abandon();
    return null;
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
      return caller == Caller.THREAD_PER_TASK ? start(thread, errand(thread)) : null;
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
    return start(thread, Errand.once(thread));
  }

  /** Whether threads of a class do what the JDK needs for itself. */
  private static boolean isInternal(Class<?> type) {
    return type.getClassLoader() == null && !type.getPackageName().equals("java.lang");
  }

  @Override
  public @Nullable Object running(Thread thread) {
    Errand errand = claim(thread);
    return errand == null ? null : errand.begin();
  }

  @Override
  public Runnable virtual(Thread thread, Runnable task) {
    Errand errand = claim(thread);
    return errand == null
        ? task
        : () -> {
          Errand.Begun begun = errand.begin();
          if (begun == null) {
            task.run();
          } else {
            run(task, begun);
          }
        };
  }
}
