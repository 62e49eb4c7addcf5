package io.sandpiper.amqp;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Objects;
import org.aopalliance.aop.Advice;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.AmqpRejectAndDontRequeueException;
import org.springframework.amqp.ImmediateRequeueAmqpException;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.interceptor.TransactionAttribute;
import org.springframework.util.ReflectionUtils;

/** What a listener container shows to its subclasses only. */
final class ContainerAccess {

  private static final Class<?> TYPE = AbstractMessageListenerContainer.class;

  private final AbstractMessageListenerContainer container;

  ContainerAccess(AbstractMessageListenerContainer container) {
    this.container = container;
  }

  AbstractMessageListenerContainer container() {
    return container;
  }

  /** The chain may come from the factory or a customizer. */
  Advice[] adviceChain() {
    return (Advice[]) Objects.requireNonNull(call("getAdviceChain"));
  }

  /** Sets the chain and applies it, because the container may have been initialised already. */
  void adviceChain(Advice... chain) {
    container.setAdviceChain(chain);
    Field target =
        Objects.requireNonNull(
            ReflectionUtils.findField(TYPE, "delegate"), () -> missing("the field delegate"));
    ReflectionUtils.makeAccessible(target);
    Method initialize = method("initializeProxy", Object.class);
    ReflectionUtils.invokeMethod(
        initialize, container, ReflectionUtils.getField(target, container));
  }

  /** Whether the listener answers with a future, after whose end its message is acknowledged. */
  boolean asynchronous() {
    return is("isAsyncReplies");
  }

  /** Whether the listener's channel commits by itself, whatever it publishes and acknowledges. */
  boolean locallyTransacted() {
    return is("isChannelLocallyTransacted");
  }

  boolean transacted() {
    return container.isChannelTransacted();
  }

  @Nullable PlatformTransactionManager transactionManager() {
    return (PlatformTransactionManager) call("getTransactionManager");
  }

  TransactionAttribute transactionAttribute() {
    return (TransactionAttribute) Objects.requireNonNull(call("getTransactionAttribute"));
  }

  boolean requeuesOnRollback(Throwable failure) {
    return is("isAlwaysRequeueWithTxManagerRollback") || requeues(failure);
  }

  /** Whether the messages of a call that failed go back to their queue. */
  boolean requeues(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof AmqpRejectAndDontRequeueException) {
        return false;
      }
      if (cause instanceof ImmediateRequeueAmqpException) {
        return true;
      }
    }
    return is("isDefaultRequeueRejected");
  }

  private boolean is(String property) {
    return (boolean) Objects.requireNonNull(call(property));
  }

  private @Nullable Object call(String getter) {
    return ReflectionUtils.invokeMethod(method(getter), container);
  }

  private static Method method(String name, Class<?>... parameters) {
    Method method =
        Objects.requireNonNull(
            ReflectionUtils.findMethod(TYPE, name, parameters), () -> missing(name + "()"));
    ReflectionUtils.makeAccessible(method);
    return method;
  }

  private static String missing(String what) {
    return "This version of spring-rabbit has no %s in %s. Use the version that Spring Boot manages, or report it to Sandpiper."
        .formatted(what, TYPE.getSimpleName());
  }
}
