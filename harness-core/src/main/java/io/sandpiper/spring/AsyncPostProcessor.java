package io.sandpiper.spring;

import io.sandpiper.Work;
import java.lang.reflect.Method;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.Pointcut;
import org.springframework.aop.PointcutAdvisor;
import org.springframework.aop.interceptor.AsyncExecutionInterceptor;
import org.springframework.aop.interceptor.AsyncUncaughtExceptionHandler;
import org.springframework.aop.support.DefaultPointcutAdvisor;
import org.springframework.beans.DirectFieldAccessor;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.context.event.SimpleApplicationEventMulticaster;
import org.springframework.core.Ordered;
import org.springframework.core.PriorityOrdered;
import org.springframework.scheduling.annotation.AnnotationAsyncExecutionInterceptor;
import org.springframework.scheduling.annotation.AsyncAnnotationBeanPostProcessor;

/**
 * Reaches the executors of asynchronous methods and listeners that are no beans, and the failures
 * that nobody else would hear of.
 *
 * <p>Spring has setters for them and no getters.
 */
final class AsyncPostProcessor implements BeanPostProcessor, PriorityOrdered {

  private final ExecutorProxies proxies;

  AsyncPostProcessor(ExecutorProxies proxies) {
    this.proxies = proxies;
  }

  @Override
  public int getOrder() {
    return Ordered.LOWEST_PRECEDENCE;
  }

  @Override
  public Object postProcessAfterInitialization(Object bean, String beanName) {
    if (bean instanceof AsyncAnnotationBeanPostProcessor processor
        && field(processor, "advisor") instanceof PointcutAdvisor advisor
        && advisor.getAdvice() instanceof AsyncExecutionInterceptor interceptor) {
      scope(processor, advisor.getPointcut(), interceptor);
    } else if (bean instanceof SimpleApplicationEventMulticaster multicaster
        && field(multicaster, "taskExecutor") instanceof Executor executor) {
      multicaster.setTaskExecutor(proxies.scoped(executor));
    }
    return bean;
  }

  private void scope(Object processor, Pointcut pointcut, AsyncExecutionInterceptor interceptor) {
    if (field(interceptor, "defaultExecutor") instanceof Supplier<?> executor
        && field(interceptor, "exceptionHandler") instanceof Supplier<?> handler) {
      LazyExecutor scoped = new LazyExecutor(executor, proxies);
      Telling telling = new Telling(handler);
      interceptor.setExecutor(scoped);
      interceptor.setExceptionHandler(telling);
      // One of a class of the application's own stays, and its tasks have no names.
      if (interceptor.getClass() == AnnotationAsyncExecutionInterceptor.class
          && field(interceptor, "beanFactory") instanceof BeanFactory beans) {
        NamedAsyncInterceptor named = new NamedAsyncInterceptor(scoped, telling);
        named.setBeanFactory(beans);
        new DirectFieldAccessor(processor)
            .setPropertyValue("advisor", new DefaultPointcutAdvisor(pointcut, named));
      }
    }
  }

  private static @Nullable Object field(Object object, String name) {
    return new DirectFieldAccessor(object).getPropertyValue(name);
  }

  /** Tells the test of failures before the application's own handler swallows them. */
  private record Telling(Supplier<?> handler) implements AsyncUncaughtExceptionHandler {

    @Override
    public void handleUncaughtException(
        Throwable failure, Method method, @Nullable Object... arguments) {
      Work work = Work.current();
      if (work != null) {
        work.failed(failure);
      }
      if (handler.get() instanceof AsyncUncaughtExceptionHandler own) {
        own.handleUncaughtException(failure, method, arguments);
      }
    }
  }
}
