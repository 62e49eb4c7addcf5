package io.sandpiper.agent;

import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.implementation.bytecode.assign.Assigner;
import org.jspecify.annotations.Nullable;

/** What is added to the JDK's futures, stages and fork-join tasks. */
final class FutureAdvice {

  private FutureAdvice() {}

  /** A future is cancelled. */
  static final class Cancel {

    @Advice.OnMethodExit
    static void exit(@Advice.This Object task) {
      AgentBridge.installed().abandoned(task);
    }
  }

  /** A future is given its failure. */
  static final class Fail {

    @Advice.OnMethodEnter
    static void enter(
        @Advice.This(optional = true) @Nullable Object future,
        @Advice.Argument(0) @Nullable Throwable failure) {
      if (failure != null) {
        AgentBridge.installed().failed(future, failure);
      }
    }
  }

  /** A future throws its failure at whoever asks for the result. */
  static final class Report {

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(@Advice.Thrown @Nullable Throwable thrown) {
      if (thrown != null) {
        AgentBridge.installed().seen(thrown);
      }
    }
  }

  /** A future returns its failure. */
  static final class ExceptionNow {

    @Advice.OnMethodExit
    static void exit(@Advice.Return @Nullable Throwable failure) {
      AgentBridge.installed().seen(failure);
    }
  }

  /** A stage is added whose function is given failures. */
  static final class Look {

    @Advice.OnMethodEnter
    static void enter(
        @Advice.Origin("#m") String method,
        @Advice.Argument(value = 1, readOnly = false, typing = Assigner.Typing.DYNAMIC)
            @Nullable Object function) {
      function = AgentBridge.installed().looking(method, function);
    }
  }

  static final class Stage {

    @Advice.OnMethodExit
    static void exit(@Advice.This Object stage) {
      AgentBridge.installed().staged(stage);
    }
  }

  static final class Fire {

    @Advice.OnMethodEnter
    static @Nullable Object enter(@Advice.This Object stage) {
      return AgentBridge.installed().firing(stage);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(
        @Advice.Enter @Nullable Object begun, @Advice.Thrown @Nullable Throwable thrown) {
      AgentBridge.installed().ended(begun, thrown);
    }
  }

  /** The JDK arranges a timeout. */
  static final class Timeout {

    @Advice.OnMethodEnter
    static @Nullable Object enter() {
      return AgentBridge.installed().forItself();
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(@Advice.Enter @Nullable Object begun) {
      AgentBridge.installed().ended(begun, null);
    }
  }

  static final class Fork {

    @Advice.OnMethodEnter
    static void enter(@Advice.This ForkJoinTask<?> task) {
      AgentBridge.installed().forking(task);
    }
  }

  static final class Execute {

    @Advice.OnMethodEnter
    static @Nullable Object enter(@Advice.This ForkJoinTask<?> task) {
      return AgentBridge.installed().beginning(task);
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(@Advice.This ForkJoinTask<?> task, @Advice.Enter @Nullable Object begun) {
      AgentBridge.installed().executed(task, begun);
    }
  }

  static final class Ask {

    @Advice.OnMethodEnter
    static void enter(@Advice.This ForkJoinTask<?> task) {
      AgentBridge.installed().askedOf(task);
    }
  }

  /** A fork-join pool is given a task; the parameter is the first one, or the second since 19. */
  static final class Submit {

    @Advice.OnMethodEnter
    static void enter(
        @Advice.This ForkJoinPool pool, @Advice.Argument(0) @Nullable ForkJoinTask<?> task) {
      if (task != null) {
        AgentBridge.installed().submitting(pool, task);
      }
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(
        @Advice.Argument(0) @Nullable ForkJoinTask<?> task,
        @Advice.Thrown @Nullable Throwable thrown) {
      if (thrown != null && task != null) {
        AgentBridge.installed().abandoned(task);
      }
    }
  }

  static final class PoolSubmit {

    @Advice.OnMethodEnter
    static void enter(
        @Advice.This ForkJoinPool pool, @Advice.Argument(1) @Nullable ForkJoinTask<?> task) {
      if (task != null) {
        AgentBridge.installed().submitting(pool, task);
      }
    }

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(
        @Advice.Argument(1) @Nullable ForkJoinTask<?> task,
        @Advice.Thrown @Nullable Throwable thrown) {
      if (thrown != null && task != null) {
        AgentBridge.installed().abandoned(task);
      }
    }
  }

  /** A fork-join task with a time is made, since 25. */
  static final class Scheduled {

    @Advice.OnMethodExit
    static void exit(
        @Advice.This ForkJoinTask<?> task,
        @Advice.Argument(1) long period,
        @Advice.Argument(3) @Nullable Runnable command) {
      AgentBridge.installed().scheduled(task, period, command);
    }
  }

  /** It is handed in. */
  static final class Schedule {

    @Advice.OnMethodExit(onThrowable = Throwable.class)
    static void exit(
        @Advice.Argument(value = 0, typing = Assigner.Typing.DYNAMIC) Object task,
        @Advice.Thrown @Nullable Throwable thrown) {
      if (thrown != null) {
        AgentBridge.installed().abandoned(task);
      }
    }
  }
}
