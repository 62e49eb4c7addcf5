package io.sandpiper.agent;

import static net.bytebuddy.matcher.ElementMatchers.isConstructor;
import static net.bytebuddy.matcher.ElementMatchers.named;
import static net.bytebuddy.matcher.ElementMatchers.namedOneOf;
import static net.bytebuddy.matcher.ElementMatchers.takesArgument;
import static net.bytebuddy.matcher.ElementMatchers.takesArguments;
import static net.bytebuddy.matcher.ElementMatchers.takesNoArguments;

import java.lang.instrument.Instrumentation;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.ForkJoinTask;
import java.util.function.Predicate;
import java.util.stream.Stream;
import net.bytebuddy.asm.Advice;
import net.bytebuddy.asm.AsmVisitorWrapper;
import net.bytebuddy.asm.MemberSubstitution;
import net.bytebuddy.description.method.MethodDescription;
import net.bytebuddy.description.type.TypeDescription;
import net.bytebuddy.dynamic.DynamicType;
import net.bytebuddy.matcher.ElementMatcher;
import org.jspecify.annotations.Nullable;

/**
 * Adds the calls of {@link AgentBridge} to classes, without a change of their shape: classes of the
 * JDK are loaded long before an agent begins.
 */
final class Instruments {

  private static final String CONCURRENT = "java.util.concurrent.";
  private static final String FUTURE = CONCURRENT + "CompletableFuture";

  /** What is added to some methods of one class. */
  private record Point(
      String type,
      ElementMatcher<? super MethodDescription> methods,
      AsmVisitorWrapper addition,
      boolean required) {}

  private static final Predicate<Method> RUN =
      method -> method.getName().equals("run") && method.getParameterCount() == 0;

  private final List<Point> points = new ArrayList<>();
  private final Retransformer jdk;
  private final Retransformer threads;

  private final Set<Class<?>> threadClasses =
      Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

  Instruments(Instrumentation instrumentation) {
    this.jdk =
        new Retransformer(
            instrumentation,
            (type, loaded) -> loaded != null && loaded.getClassLoader() == null && isPoint(type),
            this::additions);
    this.threads =
        new Retransformer(
            instrumentation,
            (type, loaded) -> loaded != null && threadClasses.contains(loaded),
            (builder, type) ->
                builder.visit(
                    Advice.to(ThreadAdvice.Run.class).on(named("run").and(takesNoArguments()))));
  }

  /**
   * Changes the classes of the JDK.
   *
   * @throws IllegalStateException where one of them is not as it is in the versions that we know
   */
  void install() {
    pools();
    timers();
    futures();
    stages();
    forkJoin();
    threadStarts();
    List<Class<?>> types = new ArrayList<>();
    for (Point point : points) {
      Class<?> type = load(point);
      if (type != null && !types.contains(type)) {
        types.add(type);
      }
    }
    jdk.change(types);
  }

  private boolean isPoint(TypeDescription type) {
    return points.stream().anyMatch(point -> point.type().equals(type.getName()));
  }

  private static @Nullable Class<?> load(Point point) {
    try {
      return Class.forName(point.type(), false, null);
    } catch (ClassNotFoundException absent) {
      if (point.required()) {
        throw unknown("it has no class " + point.type());
      }
      return null;
    }
  }

  private DynamicType.Builder<?> additions(DynamicType.Builder<?> builder, TypeDescription type) {
    DynamicType.Builder<?> changed = builder;
    for (Point point : points) {
      if (point.type().equals(type.getName())) {
        if (point.required() && type.getDeclaredMethods().filter(point.methods()).isEmpty()) {
          throw unknown(
              "its class %s has no method that is %s".formatted(type.getName(), point.methods()));
        }
        changed = changed.visit(point.addition());
      }
    }
    return changed;
  }

  private static IllegalStateException unknown(String difference) {
    return new IllegalStateException(
        "The Sandpiper agent does not know this JDK, %s: %s. Run the tests on another one, or without the agent."
            .formatted(Runtime.version(), difference));
  }

  /** Has the {@code run} method of a class of threads tell of itself, where it has one. */
  void threadClass(Class<?> type) {
    Class<?> runs = type;
    while (runs != Thread.class && Stream.of(runs.getDeclaredMethods()).noneMatch(RUN)) {
      runs = runs.getSuperclass();
    }
    if (runs.getClassLoader() == null) {
      return;
    }
    synchronized (threads) {
      if (threadClasses.add(runs)) {
        addTo(runs);
      }
    }
  }

  private void addTo(Class<?> threadClass) {
    try {
      threads.change(List.of(threadClass));
    } catch (IllegalStateException | LinkageError unchangeable) {
      threadClasses.remove(threadClass);
      throw unchangeable;
    }
  }

  private void pools() {
    String pool = CONCURRENT + "ThreadPoolExecutor";
    at(pool, named("execute"), PoolAdvice.Execute.class);
    at(pool, named("reject"), PoolAdvice.Reject.class);
    at(pool, named("remove").and(takesArguments(Runnable.class)), PoolAdvice.Remove.class);
    at(pool, named("shutdownNow"), PoolAdvice.ShutdownNow.class);
    instead(
        pool,
        named("runWorker"),
        named("run").and(takesNoArguments()),
        bridge("run", Runnable.class));
    instead(
        pool + "$DiscardOldestPolicy",
        named("rejectedExecution"),
        named("poll").and(takesNoArguments()),
        bridge("discard", Queue.class));
    at(
        CONCURRENT + "ScheduledThreadPoolExecutor",
        named("delayedExecute"),
        PoolAdvice.DelayedExecute.class);
  }

  private void timers() {
    at("java.util.Timer", named("sched"), PoolAdvice.TimerSchedule.class);
    at("java.util.TimerTask", named("cancel"), PoolAdvice.TimerTaskCancel.class);
    at("java.util.TaskQueue", named("clear"), PoolAdvice.TimerClear.class);
    instead(
        "java.util.TimerThread",
        named("mainLoop"),
        named("run").and(takesNoArguments()),
        bridge("run", Runnable.class));
  }

  private void futures() {
    String task = CONCURRENT + "FutureTask";
    at(task, named("cancel"), FutureAdvice.Cancel.class);
    at(task, named("setException"), FutureAdvice.Fail.class);
    at(task, named("report"), FutureAdvice.ReportTask.class);
    atIfPresent(task, named("exceptionNow"), FutureAdvice.TaskExceptionNow.class);
  }

  private void stages() {
    at(
        FUTURE,
        named("encodeThrowable").and(takesArguments(Throwable.class)),
        FutureAdvice.Fail.class);
    at(FUTURE, named("reportGet"), FutureAdvice.Report.class);
    at(FUTURE, named("reportJoin"), FutureAdvice.Report.class);
    atIfPresent(FUTURE, named("exceptionNow"), FutureAdvice.ExceptionNow.class);
    for (String stage :
        List.of("WhenComplete", "Handle", "Exceptionally", "ComposeExceptionally")) {
      at(FUTURE, named("uni" + stage + "Stage"), FutureAdvice.Look.class);
    }
    at(FUTURE, named("orTimeout"), FutureAdvice.Timeout.class);
    at(FUTURE, named("completeOnTimeout"), FutureAdvice.Timeout.class);
    at(FUTURE + "$UniCompletion", isConstructor(), FutureAdvice.Stage.class);
    for (String async : List.of("AsyncSupply", "AsyncRun")) {
      at(FUTURE + "$" + async, isConstructor(), FutureAdvice.Stage.class);
      at(FUTURE + "$" + async, named("run"), FutureAdvice.Fire.class);
    }
    for (String stage : stageClasses()) {
      at(stage, named("tryFire"), FutureAdvice.Fire.class);
    }
  }

  /** Every class of the JDK that fires a function of a future. */
  private static List<String> stageClasses() {
    return Stream.of(
            "UniApply",
            "UniAccept",
            "UniRun",
            "UniWhenComplete",
            "UniHandle",
            "UniExceptionally",
            "UniComposeExceptionally",
            "UniCompose",
            "BiApply",
            "BiAccept",
            "BiRun",
            "OrApply",
            "OrAccept",
            "OrRun")
        .map(name -> FUTURE + "$" + name)
        .toList();
  }

  private void forkJoin() {
    String task = CONCURRENT + "ForkJoinTask";
    at(task, named("fork"), FutureAdvice.Fork.class);
    at(task, named("doExec"), FutureAdvice.Execute.class);
    at(task, named("trySetCancelled"), FutureAdvice.Cancel.class);
    at(task, named("trySetThrown"), FutureAdvice.Fail.class);
    at(task, named("getException"), FutureAdvice.Ask.class);
    at(task, namedOneOf("reportException", "reportExecutionException"), FutureAdvice.Ask.class);
    atIfPresent(task, named("exceptionNow"), FutureAdvice.Ask.class);
    String pool = CONCURRENT + "ForkJoinPool";
    at(
        pool,
        named("externalSubmit").and(takesArgument(0, ForkJoinTask.class)),
        FutureAdvice.Submit.class);
    atIfPresent(pool, named("poolSubmit"), FutureAdvice.PoolSubmit.class);
    atIfPresent(pool, named("scheduleDelayedTask"), FutureAdvice.Schedule.class);
    atIfPresent(
        CONCURRENT + "DelayScheduler$ScheduledForkJoinTask",
        isConstructor(),
        FutureAdvice.Scheduled.class);
  }

  private void threadStarts() {
    at("java.lang.Thread", named("start"), ThreadAdvice.Start.class);
    at("java.lang.Thread", named("run").and(takesNoArguments()), ThreadAdvice.Run.class);
    atIfPresent(
        "java.lang.VirtualThread", named("start").and(takesArguments(1)), ThreadAdvice.Start.class);
    atIfPresent(
        "java.lang.VirtualThread",
        named("run").and(takesArguments(Runnable.class)),
        ThreadAdvice.RunVirtual.class);
  }

  private void at(String type, ElementMatcher<? super MethodDescription> methods, Class<?> advice) {
    points.add(new Point(type, methods, Advice.to(advice).on(methods), true));
  }

  /** Adds to what only newer versions of Java have. */
  private void atIfPresent(
      String type, ElementMatcher<? super MethodDescription> methods, Class<?> advice) {
    points.add(new Point(type, methods, Advice.to(advice).on(methods), false));
  }

  private void instead(
      String type,
      ElementMatcher<? super MethodDescription> methods,
      ElementMatcher<? super MethodDescription> called,
      Method replacement) {
    points.add(
        new Point(
            type,
            methods,
            MemberSubstitution.relaxed().method(called).replaceWith(replacement).on(methods),
            true));
  }

  private static Method bridge(String name, Class<?> argument) {
    try {
      return AgentBridge.class.getMethod(name, argument);
    } catch (NoSuchMethodException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
