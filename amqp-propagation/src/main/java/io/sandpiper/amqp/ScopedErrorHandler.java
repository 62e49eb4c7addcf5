package io.sandpiper.amqp;

import org.jspecify.annotations.Nullable;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.util.ErrorHandler;

/**
 * A container's error handler, which runs inside the scope of the message's test.
 *
 * <p>The container calls it after its advice has returned, when the scope is closed and the work
 * may have ended. So the advice handles the failure early, and the container's own call is given
 * what came of that.
 */
final class ScopedErrorHandler implements ErrorHandler {

  private final AbstractMessageListenerContainer container;
  private final ErrorHandler inner;
  private final ThreadLocal<@Nullable Handled> early = new ThreadLocal<>();

  /** What came of a failure: what the handler threw, or the failure itself. */
  private record Handled(RuntimeException failure, RuntimeException outcome) {}

  private ScopedErrorHandler(AbstractMessageListenerContainer container, ErrorHandler inner) {
    this.container = container;
    this.inner = inner;
  }

  static void install(AbstractMessageListenerContainer container) {
    ErrorHandler inner = container.getErrorHandler();
    if (!(inner instanceof ScopedErrorHandler)) {
      container.setErrorHandler(new ScopedErrorHandler(container, inner));
    }
  }

  /** Has a failure handled by the error handler of a container, in the scope of this thread. */
  static void handle(AbstractMessageListenerContainer container, RuntimeException failure) {
    if (container.getErrorHandler() instanceof ScopedErrorHandler scoped) {
      scoped.handleEarly(failure);
    }
  }

  /** What the container would take a failure for, once it has been handled. */
  static RuntimeException outcome(
      AbstractMessageListenerContainer container, RuntimeException failure) {
    try {
      if (container.isActive()) {
        container.getErrorHandler().handleError(failure);
      }
      return failure;
    } catch (RuntimeException thrown) {
      return thrown;
    }
  }

  private void handleEarly(RuntimeException failure) {
    // As the container does: no failure is handled once it has been stopped.
    if (!container.isActive()) {
      return;
    }
    RuntimeException outcome = failure;
    try {
      inner.handleError(failure);
    } catch (RuntimeException thrown) {
      outcome = thrown;
    }
    early.set(new Handled(failure, outcome));
  }

  @Override
  public void handleError(Throwable failure) {
    Handled handled = early.get();
    early.remove();
    if (handled == null || handled.failure() != failure) {
      inner.handleError(failure);
    } else if (handled.outcome() != failure) {
      throw handled.outcome();
    }
  }
}
