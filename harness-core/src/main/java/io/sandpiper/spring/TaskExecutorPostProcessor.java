package io.sandpiper.spring;

import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.lang.reflect.Modifier;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.core.task.TaskExecutor;
import org.springframework.core.task.support.ExecutorServiceAdapter;
import org.springframework.util.concurrent.FutureUtils;

/**
 * Makes task executor beans carry the submitter's scope and tell the ledger; they keep their class.
 */
final class TaskExecutorPostProcessor implements BeanPostProcessor {

  @Override
  public Object postProcessAfterInitialization(Object bean, String beanName) {
    return bean instanceof TaskExecutor executor ? wrap(executor) : bean;
  }

  private static TaskExecutor wrap(TaskExecutor executor) {
    ProxyFactory factory = new ProxyFactory(executor);
    factory.setProxyTargetClass(!Modifier.isFinal(executor.getClass().getModifiers()));
    ExecutorService scoped = Sandbox.wrap(new ExecutorServiceAdapter(executor));
    factory.addAdvice((MethodInterceptor) call -> submit(call, scoped));
    return (TaskExecutor) factory.getProxy(executor.getClass().getClassLoader());
  }

  private static @Nullable Object submit(MethodInvocation call, ExecutorService scoped)
      throws Throwable {
    @Nullable Object[] arguments = call.getArguments();
    if (Scope.currentWork() == null || arguments.length == 0) {
      return call.proceed();
    }
    Object task = arguments[0];
    switch (call.getMethod().getName()) {
      case "execute":
        if (task instanceof Runnable runnable) {
          scoped.execute(runnable);
          return null;
        }
        break;
      case "submit":
        if (task instanceof Callable<?> callable) {
          return scoped.submit(callable);
        }
        if (task instanceof Runnable runnable) {
          return scoped.submit(runnable);
        }
        break;
      case "submitCompletable":
        if (task instanceof Callable<?> callable) {
          return FutureUtils.callAsync(callable, scoped);
        }
        if (task instanceof Runnable runnable) {
          return CompletableFuture.runAsync(runnable, scoped);
        }
        break;
      default:
        break;
    }
    return call.proceed();
  }
}
