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
  /** The harness, or what works for all tests: parts of the JDK, some libraries. */
  SHARED,
  LIBRARY,
  APPLICATION;

  private static final StackWalker WALKER =
      StackWalker.getInstance(StackWalker.Option.RETAIN_CLASS_REFERENCE);

  private static final int DEEPEST = 128;

  private static final String[] WORK_FOR_ALL = {
    "com.rabbitmq.", "com.zaxxer.hikari.", "okhttp3.internal.concurrent.", "org.postgresql.",
  };

  /** What waits for processes and channels, and the servers and timers of the JDK. */
  private static final String[] WORK_OF_THE_JDK = {
    "java.lang.ProcessHandleImpl", "java.util.prefs.", "sun.",
  };

  private static final String THREAD_FLOCK = "jdk.internal.misc.ThreadFlock";

  private static final Set<String> THREADS_PER_TASK =
      Set.of(
          "java.util.concurrent.CompletableFuture$ThreadPerTaskExecutor",
          "java.util.concurrent.StructuredTaskScope",
          "java.util.concurrent.StructuredTaskScopeImpl",
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
      return ofJdk(type.getName());
    }
    if (type.getProtectionDomain().getCodeSource()
        == Caller.class.getProtectionDomain().getCodeSource()) {
      return isRunner(type) ? JDK : SHARED;
    }
    if (begins(type.getName(), WORK_FOR_ALL)) {
      return SHARED;
    }
    return CallSite.isOfApplication(type) ? APPLICATION : LIBRARY;
  }

  private static Caller ofJdk(String type) {
    if (begins(type, WORK_OF_THE_JDK)) {
      return SHARED;
    }
    return THREADS_PER_TASK.contains(type) ? THREAD_PER_TASK : JDK;
  }

  private static boolean begins(String type, String[] prefixes) {
    return Stream.of(prefixes).anyMatch(type::startsWith);
  }

  /** Whether a class of ours only runs what others have asked for. */
  private static boolean isRunner(Class<?> type) {
    return type == Carrier.class
        || type == PoolTasks.class
        || Runnable.class.isAssignableFrom(type);
  }

  /** Whether what it plans for later is the test's: a library plans that for itself. */
  boolean isOfTest() {
    return this == APPLICATION || this == JDK;
  }

  /** The nearest frame outside of the JDK; {@link #JDK} where there is none. */
  static Caller here() {
    return WALKER.walk(frames -> find(frames, type -> true));
  }

  /** Whose code starts a thread; what the JDK starts for itself, such as workers, is its own. */
  static Caller ofThread() {
    return WALKER.walk(frames -> find(frames, Caller::startsThreads));
  }

  private static boolean startsThreads(Class<?> type) {
    return type.getPackageName().equals("java.lang") || type.getName().equals(THREAD_FLOCK);
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
