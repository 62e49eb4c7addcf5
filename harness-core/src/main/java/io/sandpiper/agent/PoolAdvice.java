package io.sandpiper.agent;

import java.util.List;
import java.util.TimerTask;
import java.util.concurrent.RunnableScheduledFuture;
import java.util.concurrent.ThreadPoolExecutor;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/** What is added to the JDK's thread pools and timers. */
final class PoolAdvice {

  private PoolAdvice() {}

  static final class Execute {

    @Advice.OnMethodEnter
    static void enter(@Advice.Argument(value = 0, readOnly = false) @Nullable Runnable task) {
      if (task != null) {
        task = AgentBridge.installed().executing(task);
      }
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(
        @Advice.This ThreadPoolExecutor pool,
        @Advice.Argument(0) @Nullable Runnable task,
        @Advice.Thrown @Nullable Throwable thrown) {
      if (thrown != null && task != null) {
        AgentBridge.installed().notGiven(pool, task);
      }
    }
  }

  static final class Reject {

    @Advice.OnMethodEnter
    static @Nullable Object enter(
        @Advice.This ThreadPoolExecutor pool, @Advice.Argument(0) Runnable task) {
      return AgentBridge.installed().rejecting(pool, task);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(
        @Advice.This ThreadPoolExecutor pool,
        @Advice.Argument(0) Runnable task,
        @Advice.Enter @Nullable Object rejecting,
        @Advice.Thrown @Nullable Throwable thrown) {
      AgentBridge.installed().rejected(pool, task, rejecting, thrown);
    }
  }

  static final class Remove {

    @Advice.OnMethodEnter
    static void enter(@Advice.Argument(value = 0, readOnly = false) @Nullable Runnable task) {
      if (task != null) {
        task = AgentBridge.installed().removing(task);
      }
    }

    @Advice.OnMethodExit
    static void exit(@Advice.Argument(0) @Nullable Runnable task, @Advice.Return boolean removed) {
      if (removed && task != null) {
        AgentBridge.installed().removed(task);
      }
    }
  }

  static final class ShutdownNow {

    @Advice.OnMethodExit
    static void exit(@Advice.Return(readOnly = false) List<Runnable> tasks) {
      tasks = AgentBridge.installed().neverRun(tasks);
    }
  }

  static final class DelayedExecute {

    @Advice.OnMethodEnter
    static void enter(@Advice.Argument(0) RunnableScheduledFuture<?> task) {
      AgentBridge.installed().delaying(task);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(
        @Advice.This ThreadPoolExecutor pool,
        @Advice.Argument(0) RunnableScheduledFuture<?> task,
        @Advice.Thrown @Nullable Throwable thrown) {
      if (thrown != null) {
        AgentBridge.installed().notGiven(pool, task);
      }
    }
  }

  static final class TimerSchedule {

    @Advice.OnMethodEnter
    static @Nullable Object enter(
        @Advice.Argument(0) @Nullable TimerTask task,
        @Advice.Argument(1) long time,
        @Advice.Argument(2) long period) {
      return task == null ? null : AgentBridge.installed().timing(task, time, period);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(
        @Advice.Argument(0) @Nullable TimerTask task,
        @Advice.Enter @Nullable Object timing,
        @Advice.Thrown @Nullable Throwable thrown) {
      if (thrown != null && task != null) {
        AgentBridge.installed().notStarted(task, timing);
      }
    }
  }

  static final class TimerTaskCancel {

    @Advice.OnMethodExit
    static void exit(@Advice.This Object task, @Advice.Return boolean cancelled) {
      if (cancelled) {
        AgentBridge.installed().abandoned(task);
      }
    }
  }

  static final class TimerClear {

    @Advice.OnMethodEnter
    static void enter(
        @Advice.FieldValue(value = "queue", typing = Assigner.Typing.DYNAMIC)
            @Nullable Object[] tasks) {
      AgentBridge.installed().cleared(tasks);
    }
  }
}
