package io.sandpiper.amqp;

import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.util.concurrent.CompletableFuture;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.aop.framework.ProxyFactory;

/**
 * Counts the requests of an {@link AsyncRabbitTemplate}: the end of a test waits until the future
 * of each is complete, which it is at the latest after the template's own timeout. That is told
 * inside the scope of the test too.
 */
final class AsyncRequests implements MethodInterceptor {

  private AsyncRequests() {}

  /** The template, to be used in its place by all who send. */
  static AsyncRabbitTemplate wrap(AsyncRabbitTemplate template) {
    ProxyFactory proxy = new ProxyFactory(template);
    proxy.setProxyTargetClass(true);
    proxy.addAdvice(new AsyncRequests());
    return (AsyncRabbitTemplate) proxy.getProxy(template.getClass().getClassLoader());
  }

  @Override
  public @Nullable Object invoke(MethodInvocation call) throws Throwable {
    if (call.getMethod().getName().equals("start")) {
      return start(call);
    }
    Work caller = Work.current();
    boolean sends = CompletableFuture.class.isAssignableFrom(call.getMethod().getReturnType());
    Work request = caller == null || !sends ? null : caller.sandbox().begin("request");
    if (request == null) {
      return call.proceed();
    }
    CompletableFuture<?> future = null;
    try (Scope scope = request.bind()) {
      future = (CompletableFuture<?>) call.proceed();
      return future;
    } finally {
      if (future == null) {
        request.finish(null);
      } else {
        finishWith(future, request);
      }
    }
  }

  /** The scheduler of its timeouts is made when it starts. */
  private static @Nullable Object start(MethodInvocation call) throws Throwable {
    Object result = call.proceed();
    if (call.getThis() instanceof AsyncRabbitTemplate template) {
      AsyncTemplates.scopeTimeouts(template);
    }
    return result;
  }

  /** Added before the caller can add anything, so that it is done last. */
  private static void finishWith(CompletableFuture<?> future, Work request) {
    var unused =
        future.whenComplete(
            (reply, failure) -> {
              if (failure != null) {
                Sandbox sandbox = request.sandbox();
                sandbox.journal().note("the request has failed: " + failure);
              }
              request.finish(null);
            });
  }
}
