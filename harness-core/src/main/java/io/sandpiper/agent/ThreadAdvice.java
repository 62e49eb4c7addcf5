package io.sandpiper.agent;

import net.bytebuddy.asm.Advice;
import org.jspecify.annotations.Nullable;

/** What is added to threads. */
final class ThreadAdvice {

  private ThreadAdvice() {}

  static final class Start {

    @Advice.OnMethodEnter
    static @Nullable Object enter(@Advice.This Thread thread) {
      return AgentBridge.installed().starting(thread);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(
        @Advice.This Thread thread,
        @Advice.Enter @Nullable Object starting,
        @Advice.Thrown @Nullable Throwable thrown) {
      if (thrown != null) {
        AgentBridge.installed().notStarted(thread, starting);
      }
    }
  }

  static final class Run {

    @Advice.OnMethodEnter
    static @Nullable Object enter(@Advice.This Thread thread) {
      return AgentBridge.installed().running(thread);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(
        @Advice.Enter @Nullable Object begun, @Advice.Thrown @Nullable Throwable thrown) {
      AgentBridge.installed().ended(begun, thrown);
    }
  }

  /** The JDK catches what the task of a virtual thread throws, so the task itself is replaced. */
  static final class RunVirtual {

    @Advice.OnMethodEnter
    static void enter(
        @Advice.This Thread thread, @Advice.Argument(value = 0, readOnly = false) Runnable task) {
      task = AgentBridge.installed().virtual(thread, task);
    }
  }
}
