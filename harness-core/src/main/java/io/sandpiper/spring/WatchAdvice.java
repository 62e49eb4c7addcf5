package io.sandpiper.spring;

import io.sandpiper.WatchedCall;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.Advisor;
import org.springframework.aop.ProxyMethodInvocation;
import org.springframework.aop.framework.Advised;
import org.springframework.aop.interceptor.AsyncExecutionInterceptor;

/** Tells the tests that watch a bean of its calls; stays with the bean, and costs others a look. */
final class WatchAdvice implements MethodInterceptor {

  private WatchAdvice() {}

  /** Advises a bean once, whoever asks and however often. */
  static void watch(Advised bean) {
    synchronized (bean) {
      int place = 0;
      Advisor[] advisors = bean.getAdvisors();
      for (int i = 0; i < advisors.length; i++) {
        if (advisors[i].getAdvice() instanceof WatchAdvice) {
          return;
        }
        if (advisors[i].getAdvice() instanceof AsyncExecutionInterceptor) {
          // A call has ended when the task has, not when it was submitted.
          place = i + 1;
        }
      }
      bean.addAdvice(place, new WatchAdvice());
    }
  }

  @Override
  public @Nullable Object invoke(MethodInvocation call) throws Throwable {
    WatchedCall watched = begin(call);
    if (watched == null) {
      return call.proceed();
    }
    Object result;
    try {
      result = call.proceed();
    } catch (Throwable failure) {
      watched.threw(failure);
      throw failure;
    }
    if (call.getMethod().getReturnType() == void.class) {
      watched.returned();
    } else {
      watched.returned(result);
    }
    return result;
  }

  private static @Nullable WatchedCall begin(MethodInvocation call) {
    if (call.getMethod().getDeclaringClass() == Object.class) {
      return null;
    }
    WatchedCall ofProxy =
        call instanceof ProxyMethodInvocation proxied ? begin(call, proxied.getProxy()) : null;
    return ofProxy == null ? begin(call, call.getThis()) : ofProxy;
  }

  private static @Nullable WatchedCall begin(MethodInvocation call, @Nullable Object bean) {
    return bean == null
        ? null
        : WatchedCall.begin(
            WatchedCall.Teller.APPLICATION,
            bean.getClass(),
            call.getMethod().getName(),
            call.getArguments());
  }
}
