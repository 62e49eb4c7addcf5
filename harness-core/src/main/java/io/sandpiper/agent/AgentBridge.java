package io.sandpiper.agent;

import java.util.List;
import java.util.Queue;
import java.util.TimerTask;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.RunnableScheduledFuture;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * What the JDK's classes call where the agent has added to them.
 *
 * <p>Classes of the JDK see no class of ours, so the agent puts this one, and no other, on the
 * bootstrap class path; it refers to nothing but the JDK. A call costs one volatile read before the
 * harness decides. No method throws. Safe for use by several threads.
 */
public abstract class AgentBridge {

  private static final AtomicReference<@Nullable AgentBridge> INSTALLED = new AtomicReference<>();

  /** For the one implementation. */
  protected AgentBridge() {}

  /**
   * Installs the implementation, once a JVM and before any class is changed.
   *
   * @return false where there is one already
   */
  public static boolean install(AgentBridge bridge) {
    return INSTALLED.compareAndSet(null, bridge);
  }

  /** The implementation, or null where the agent does not run in this JVM. */
  public static @Nullable AgentBridge find() {
    return INSTALLED.get();
  }

  /** The implementation; only code that the agent has added may ask for it. */
  public static AgentBridge installed() {
    AgentBridge bridge = find();
    if (bridge == null) {
      throw new IllegalStateException("The Sandpiper agent does not run in this JVM.");
    }
    return bridge;
  }

  /** Takes the place of {@code task.run()} in pools and timers. */
  public static void run(Runnable task) {
    installed().runTask(task);
  }

  /** Takes the place of {@code queue.poll()} where the task is then dropped. */
  public static @Nullable Object discard(Queue<?> queue) {
    Object task = queue.poll();
    if (task != null) {
      installed().abandoned(task);
    }
    return task;
  }

  /** A pool is given a task; returns what it is to be given instead, which is mostly the same. */
  public abstract Runnable executing(Runnable task);

  /**
   * A pool asks its handler what to do with a task that it does not take; returns what {@link
   * #rejected} wants.
   */
  public abstract @Nullable Object rejecting(ThreadPoolExecutor pool, Runnable task);

  /** The handler of a pool is through with a task. */
  public abstract void rejected(
      ThreadPoolExecutor pool,
      Runnable task,
      @Nullable Object rejecting,
      @Nullable Throwable thrown);

  /** A pool could not be given a task. */
  public abstract void notGiven(ThreadPoolExecutor pool, Runnable task);

  /** A pool is to remove a task; returns what it is to look for. */
  public abstract Runnable removing(Runnable task);

  /** A pool has removed what {@link #removing} returned. */
  public abstract void removed(Runnable task);

  /** A pool was shut down and returns tasks that it will not run; returns those it was given. */
  public abstract List<Runnable> neverRun(List<Runnable> tasks);

  /** A pool is given a task with a time. */
  public abstract void delaying(RunnableScheduledFuture<?> task);

  /** A task is run by the current thread, here and now. */
  protected abstract void runTask(Runnable task);

  /** A task will not run any more, if it has not begun. */
  public abstract void abandoned(Object task);

  /** The outcome of a future, or of a stage where it is null, is a failure. */
  public abstract void failed(@Nullable Object future, Throwable failure);

  /** Somebody is given a failure, maybe inside of others. */
  public abstract void seen(@Nullable Throwable failure);

  /** Somebody is given the failure of a future. */
  public abstract void seenOf(Object future);

  /** Somebody asks for the failure of a task. */
  public abstract void askedOf(ForkJoinTask<?> task);

  /** A function that is given failures is handed to a method; returns what takes its place. */
  public abstract @Nullable Object looking(String method, @Nullable Object function);

  /** A fork-join pool is given a task. */
  public abstract void submitting(ForkJoinPool pool, ForkJoinTask<?> task);

  /** A task is forked. */
  public abstract void forking(ForkJoinTask<?> task);

  /** A task with a time was made for a fork-join pool. */
  public abstract void scheduled(ForkJoinTask<?> task, long period, @Nullable Runnable command);

  /** A fork-join task begins in the current thread; returns what {@link #executed} wants. */
  public abstract @Nullable Object beginning(ForkJoinTask<?> task);

  /** A fork-join task has ended. */
  public abstract void executed(ForkJoinTask<?> task, @Nullable Object begun);

  /** What began has ended. */
  public abstract void ended(@Nullable Object begun, @Nullable Throwable failure);

  /** A stage was added to a future. */
  public abstract void staged(Object stage);

  /** A stage may do its work now; returns what {@link #ended} wants. */
  public abstract @Nullable Object firing(Object stage);

  /** The JDK begins something for itself; returns what {@link #ended} wants. */
  public abstract @Nullable Object forItself();

  /**
   * A timer is given a task; returns what {@link #notStarted} wants.
   *
   * @param time when it is to run first, by {@link System#currentTimeMillis()}
   */
  public abstract @Nullable Object timing(TimerTask task, long time, long period);

  /** A timer drops its tasks. */
  public abstract void cleared(@Nullable Object[] tasks);

  /** A thread is started; returns what {@link #notStarted} wants. */
  public abstract @Nullable Object starting(Thread thread);

  /** A thread or a timer's task could not be started. */
  public abstract void notStarted(Object started, @Nullable Object starting);

  /** A thread begins to run; returns what {@link #ended} wants. */
  public abstract @Nullable Object running(Thread thread);

  /** A virtual thread begins to run a task; returns what it is to run. */
  public abstract Runnable virtual(Thread thread, Runnable task);
}
