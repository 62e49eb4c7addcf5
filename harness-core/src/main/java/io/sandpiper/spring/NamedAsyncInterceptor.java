package io.sandpiper.spring;

import java.lang.reflect.Method;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.interceptor.AsyncUncaughtExceptionHandler;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.scheduling.annotation.AnnotationAsyncExecutionInterceptor;

/** Runs asynchronous methods as Spring does, each as a task that is called by its method. */
final class NamedAsyncInterceptor extends AnnotationAsyncExecutionInterceptor {

  NamedAsyncInterceptor(Executor executor, AsyncUncaughtExceptionHandler handler) {
    super(executor, handler);
  }

  @Override
  protected @Nullable AsyncTaskExecutor determineAsyncExecutor(Method method) {
    AsyncTaskExecutor executor = super.determineAsyncExecutor(method);
    return executor == null ? null : new NamingExecutor(executor, name(method));
  }

  /** "Orders.archive". */
  private static String name(Method method) {
    String type = method.getDeclaringClass().getName();
    return type.substring(type.lastIndexOf('.') + 1) + "." + method.getName();
  }
}
