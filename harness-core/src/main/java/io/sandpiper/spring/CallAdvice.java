package io.sandpiper.spring;

import io.sandpiper.Sandbox;
import java.lang.reflect.Method;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.Advisor;
import org.springframework.aop.ProxyMethodInvocation;
import org.springframework.aop.framework.Advised;
import org.springframework.aop.interceptor.AsyncExecutionInterceptor;

/** Tells the tests that watch a bean of its calls; stays with the bean, and costs others a look. */
final class CallAdvice implements MethodInterceptor {

  private CallAdvice() {}

  /** Advises a bean once, whoever asks and however often. */
  static void watch(Advised bean) {
    synchronized (bean) {
      int place = 0;
      Advisor[] advisors = bean.getAdvisors();
      for (int i = 0; i < advisors.length; i++) {
        if (advisors[i].getAdvice() instanceof CallAdvice) {
          return;
        }
        if (advisors[i].getAdvice() instanceof AsyncExecutionInterceptor) {
          // A call has ended when the task has, not when it was submitted.
          place = i + 1;
        }
      }
      bean.addAdvice(place, new CallAdvice());
    }
  }

  @Override
  public @Nullable Object invoke(MethodInvocation call) throws Throwable {
    Class<?> type = watched(call);
    if (type == null) {
      return call.proceed();
    }
    Object result;
    try {
      result = call.proceed();
    } catch (Throwable failure) {
      tell(type, call, "threw " + Sandbox.textOf(failure));
      throw failure;
    }
    tell(type, call, "returned " + Sandbox.textOf(result));
    return result;
  }

  /** The class as which a test watches the bean, or null where the current one does not. */
  private static @Nullable Class<?> watched(MethodInvocation call) {
    Method method = call.getMethod();
    if (method.getDeclaringClass() == Object.class) {
      return null;
    }
    if (call instanceof ProxyMethodInvocation proxied
        && Sandbox.isWatched(proxied.getProxy().getClass())) {
      return proxied.getProxy().getClass();
    }
    Object target = call.getThis();
    return target != null && Sandbox.isWatched(target.getClass()) ? target.getClass() : null;
  }

  private static void tell(Class<?> type, MethodInvocation call, String outcome) {
    Sandbox.called(type, call.getMethod().getName(), call.getArguments(), outcome);
  }
}
