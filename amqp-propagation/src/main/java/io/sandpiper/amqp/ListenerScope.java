package io.sandpiper.amqp;

import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.support.ListenerExecutionFailedException;
import org.springframework.aop.ProxyMethodInvocation;

/** Runs the listener of a container, and its error handler, as the work of a test. */
final class ListenerScope {

  private final AbstractMessageListenerContainer container;
  private final Refusals refusals;

  ListenerScope(AbstractMessageListenerContainer container, Refusals refusals) {
    this.container = container;
    this.refusals = refusals;
  }

  /**
   * Calls the listener and finishes its works.
   *
   * @param works those of its messages, all of one test; empty where it is nobody's
   */
  void run(ProxyMethodInvocation call, List<Work> works) throws Throwable {
    Throwable failure = null;
    try (Scope scope = works.isEmpty() ? null : works.get(0).bind()) {
      failure = proceed(call, !works.isEmpty());
    } catch (Throwable thrown) {
      failure = thrown instanceof ListenerExecutionFailedException ? thrown.getCause() : thrown;
      throw thrown;
    } finally {
      for (Work work : works) {
        work.finish(failure);
      }
    }
  }

  /** Returns what the sandbox refused to the listener, or null. */
  private @Nullable Throwable proceed(ProxyMethodInvocation call, boolean owned) throws Throwable {
    try {
      call.proceed();
      return Refusals.swallowed(call);
    } catch (Throwable thrown) {
      if (refusals.swallow(call, thrown)) {
        return Refusals.swallowed(call);
      }
      if (owned && thrown instanceof RuntimeException failure) {
        ScopedErrorHandler.handle(container, failure);
      }
      throw thrown;
    }
  }
}
