package io.sandpiper.spring;

import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import io.sandpiper.context.TaskLedger;
import java.lang.reflect.Method;
import java.lang.reflect.UndeclaredThrowableException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.Date;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.SimpleAsyncTaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.util.ClassUtils;

/**
 * Sends what is submitted to an executor inside a scope through a view of it that carries the scope
 * and counts; everything else goes to the executor as it is.
 */
final class ExecutorAdvice implements MethodInterceptor {

  private static final Set<String> SUBMISSIONS =
      Set.of(
          "execute",
          "submit",
          "submitCompletable",
          "invoke",
          "invokeAll",
          "invokeAny",
          "lazySubmit",
          "externalSubmit",
          "schedule",
          "scheduleAtFixedRate",
          "scheduleWithFixedDelay");

  private static final Set<String> ENDINGS =
      Set.of("close", "destroy", "initiateShutdown", "shutdown", "shutdownNow");

  private final Object executor;
  private final ExecutorService view;
  private final UnaryOperator<Object> proxies;
  private final BooleanSupplier settingUp;

  /** Executors inside this one that it has handed out. */
  private final Map<Object, Object> inner = Collections.synchronizedMap(new IdentityHashMap<>(0));

  /**
   * @param executor what is advised
   * @param view it, carrying the scope
   * @param proxies makes the proxy of an executor that this one hands out
   * @param settingUp whether the application context starts or stops now
   */
  ExecutorAdvice(
      Object executor,
      ExecutorService view,
      UnaryOperator<Object> proxies,
      BooleanSupplier settingUp) {
    this.executor = executor;
    this.view = view;
    this.proxies = proxies;
    this.settingUp = settingUp;
  }

  @Override
  public @Nullable Object invoke(MethodInvocation call) throws Throwable {
    String name = call.getMethod().getName();
    if (ENDINGS.contains(name)) {
      return end(call);
    }
    if (SUBMISSIONS.contains(name) && isSomebodys(name)) {
      return submit(call);
    }
    Object result = call.proceed();
    return result != null && call.getArguments().length == 0 && ExecutorProxies.runsTasks(result)
        ? inner.computeIfAbsent(result, proxies)
        : result;
  }

  /** What a context schedules while it starts goes on when the set-up, or its test, has ended. */
  private boolean isSomebodys(String submission) {
    return Scope.currentWork() != null
        && !(submission.startsWith("schedule") && settingUp.getAsBoolean());
  }

  private @Nullable Object submit(MethodInvocation call) throws Throwable {
    @Nullable Object[] arguments = call.getArguments();
    if (call.getThis() instanceof ForkJoinPool pool
        && (arguments[0] instanceof ForkJoinTask<?>
            || call.getMethod().getReturnType() == ForkJoinTask.class)) {
      return ScopedForkJoinTask.submit(call, pool);
    }
    Method ofTheView = ofTheView(call.getMethod());
    return ofTheView == null
        ? submitAsSpringDoes(call)
        : AopUtils.invokeJoinpointUsingReflection(view, ofTheView, arguments);
  }

  /** The same method where the view has it, that is, where it is one of the JDK's. */
  private @Nullable Method ofTheView(Method method) {
    Class<?> type =
        view instanceof ScheduledExecutorService
            ? ScheduledExecutorService.class
            : ExecutorService.class;
    return ClassUtils.getMethodIfAvailable(type, method.getName(), method.getParameterTypes());
  }

  private @Nullable Object submitAsSpringDoes(MethodInvocation call) throws Throwable {
    @Nullable Object[] arguments = call.getArguments();
    Object task = arguments[0];
    switch (call.getMethod().getName()) {
      case "execute":
        if (task instanceof Runnable runnable) {
          view.execute(runnable);
          return null;
        }
        break;
      case "submitCompletable":
        return Sandbox.wrap(NamedFuture.call(callable(Objects.requireNonNull(task)), view));
      case "schedule":
        Instant at = instant(arguments[1]);
        if (at != null && call.getThis() instanceof TaskScheduler scheduler) {
          return schedule(runnable(call), Duration.between(scheduler.getClock().instant(), at));
        }
        return repeat(call);
      case "scheduleAtFixedRate", "scheduleWithFixedDelay":
        return repeat(call);
      default:
        break;
    }
    return call.proceed();
  }

  private static Callable<? extends @Nullable Object> callable(Object task) {
    return task instanceof Callable<?> callable ? callable : new Runs((Runnable) task);
  }

  private static Runnable runnable(MethodInvocation call) {
    return (Runnable) Objects.requireNonNull(call.getArguments()[0]);
  }

  private static @Nullable Instant instant(@Nullable Object time) {
    return time instanceof Date date
        ? date.toInstant()
        : time instanceof Instant instant ? instant : null;
  }

  private ScheduledFuture<?> schedule(Runnable task, Duration delay) {
    long nanos;
    try {
      nanos = delay.toNanos();
    } catch (ArithmeticException endless) {
      nanos = Long.MAX_VALUE;
    }
    return ((ScheduledExecutorService) view).schedule(task, nanos, TimeUnit.NANOSECONDS);
  }

  private static @Nullable ScheduledFuture<?> repeat(MethodInvocation call) {
    AtomicBoolean never = new AtomicBoolean();
    ScheduledExecutorService repeating =
        SpringExecutorService.repeating(
            task -> {
              ScheduledFuture<?> timer = repeat(call, task);
              never.set(timer == null);
              return timer == null ? new Never() : timer;
            });
    ScheduledFuture<?> repeated =
        Sandbox.wrap(repeating).scheduleAtFixedRate(runnable(call), 0, 1, TimeUnit.NANOSECONDS);
    return never.get() ? null : repeated;
  }

  private static @Nullable ScheduledFuture<?> repeat(MethodInvocation call, Runnable task) {
    @Nullable Object[] arguments = call.getArguments().clone();
    arguments[0] = task;
    // It may have executors of its own that are beans, and is not to begin another task there.
    try (Scope nobodys = Scope.open(null, "a scheduler")) {
      return (ScheduledFuture<?>)
          AopUtils.invokeJoinpointUsingReflection(call.getThis(), call.getMethod(), arguments);
    } catch (RuntimeException | Error unchecked) {
      throw unchecked;
    } catch (Throwable checked) {
      throw new UndeclaredThrowableException(checked);
    }
  }

  /** Tasks that the executor drops now are counted no more. */
  private @Nullable Object end(MethodInvocation call) throws Throwable {
    Method ofTheView = ofTheView(call.getMethod());
    if (call.getThis() instanceof ExecutorService && ofTheView != null) {
      return AopUtils.invokeJoinpointUsingReflection(view, ofTheView, call.getArguments());
    }
    Object result = call.proceed();
    ended();
    return result;
  }

  /** Tells the ledger, where an executor of Spring was shut down, of the tasks that it dropped. */
  void ended() {
    if (!(executor instanceof ExecutorService) && isEmpty()) {
      view.shutdownNow();
    }
  }

  /** Whether nothing waits in it any more; false where that cannot be told, or never does. */
  private boolean isEmpty() {
    if (executor instanceof ThreadPoolTaskExecutor pool) {
      return pool.getThreadPoolExecutor().getQueue().isEmpty();
    }
    return executor instanceof ThreadPoolTaskScheduler scheduler
        ? scheduler.getScheduledThreadPoolExecutor().getQueue().isEmpty()
        : executor instanceof SimpleAsyncTaskScheduler;
  }

  /** A task without a result. */
  private record Runs(Runnable task) implements Callable<@Nullable Void>, TaskLedger.Named {

    @Override
    public @Nullable Void call() {
      task.run();
      return null;
    }

    @Override
    public String name() {
      return TaskLedger.nameOf(task);
    }
  }

  /** A task that its trigger never fires. */
  private static final class Never extends FutureTask<@Nullable Object>
      implements ScheduledFuture<@Nullable Object> {

    Never() {
      super(() -> null);
    }

    @Override
    public long getDelay(TimeUnit unit) {
      return Long.MAX_VALUE;
    }

    @Override
    public int compareTo(Delayed other) {
      return other instanceof Never ? 0 : 1;
    }
  }
}
