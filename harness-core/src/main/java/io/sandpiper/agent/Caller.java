package io.sandpiper.agent;

import io.sandpiper.CallSite;
import java.lang.StackWalker.StackFrame;
import java.util.Iterator;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Whose code has asked the JDK to run something: the nearest frame outside of the JDK. */
enum Caller {
  /** The JDK's own. */
  JDK,
  /** The JDK's executors that start a thread for each task. */
  THREAD_PER_TASK,
  /** The harness, or a library whose threads work for all tests. */
  SHARED,
  LIBRARY,
  APPLICATION;

  private static final StackWalker WALKER =
      StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE);

  private static final int DEEPEST = 128;

  private static final String[] WORK_FOR_ALL = {
    "com.rabbitmq.", "com.zaxxer.hikari.", "org.postgresql.",
  };

  private static final Set<String> THREADS_PER_TASK =
      Set.of(
          "java.util.concurrent.CompletableFuture$ThreadPerTaskExecutor",
          "java.util.concurrent.ThreadPerTaskExecutor");

  private static final ClassValue<Caller> KINDS =
      new ClassValue<>() {
        @Override
        protected Caller computeValue(Class<?> type) {
          return of(type);
        }
      };

  private static Caller of(Class<?> type) {
    ClassLoader loader = type.getClassLoader();
    if (loader == null || loader == ClassLoader.getPlatformClassLoader()) {
      return THREADS_PER_TASK.contains(type.getName()) ? THREAD_PER_TASK : JDK;
    }
    if (type.getProtectionDomain().getCodeSource()
        == Caller.class.getProtectionDomain().getCodeSource()) {
      return isRunner(type) ? JDK : SHARED;
    }
    for (String shared : WORK_FOR_ALL) {
      if (type.getName().startsWith(shared)) {
        return SHARED;
      }
    }
    return CallSite.isOfApplication(type) ? APPLICATION : LIBRARY;
  }

  /** Whether a class of ours only runs what others have asked for. */
  private static boolean isRunner(Class<?> type) {
    return type == Carrier.class || Runnable.class.isAssignableFrom(type);
  }

  /** The nearest frame outside of the JDK; {@link #JDK} where there is none. */
  static Caller here() {
    return WALKER.walk(frames -> find(frames, type -> true));
  }

  /** Whose code starts a thread; what the JDK starts for itself, such as workers, is its own. */
  static Caller ofThread() {
    return WALKER.walk(frames -> find(frames, type -> type.getPackageName().equals("java.lang")));
  }

  private static Caller find(Stream<StackFrame> stack, Predicate<Class<?>> passesOn) {
    Iterator<StackFrame> frames = stack.limit(DEEPEST).iterator();
    boolean inJdk = false;
    while (frames.hasNext()) {
      Class<?> type = frames.next().getDeclaringClass();
      boolean ofJdk = KINDS.get(type) == JDK || KINDS.get(type) == THREAD_PER_TASK;
      // The first frames are those of the agent itself.
      if (inJdk && (!ofJdk || !passesOn.test(type))) {
        return KINDS.get(type);
      }
      inJdk |= ofJdk;
    }
    return JDK;
  }
}
