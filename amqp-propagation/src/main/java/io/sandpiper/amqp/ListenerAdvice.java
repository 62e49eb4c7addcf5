package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import io.sandpiper.Run;
import io.sandpiper.Work;
import java.util.List;
import java.util.Objects;
import org.aopalliance.aop.Advice;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.aop.ProxyMethodInvocation;

/**
 * The outermost advice of a listener container: finds the test of each message and runs the
 * listener, with the application's own advice, inside its scope.
 */
final class ListenerAdvice implements MethodInterceptor {

  private final ContainerAccess container;
  private final ListenerJudge judge;
  private final Refusals refusals;
  private final ListenerScope scope;
  private final BatchAdvice batches;

  private ListenerAdvice(ContainerAccess container, Run run) {
    Inbound inbound = new Inbound(run);
    this.container = container;
    this.judge = new ListenerJudge(container.container(), inbound, Deliveries.of(run));
    this.refusals = new Refusals(container.container(), inbound);
    this.scope = new ListenerScope(container.container(), refusals);
    this.batches = new BatchAdvice(container, judge, refusals, scope);
  }

  static void install(AbstractMessageListenerContainer container, Run run) {
    ContainerAccess access = new ContainerAccess(container);
    Advice[] present = access.adviceChain();
    if (present.length == 0 || !(present[0] instanceof ListenerAdvice)) {
      ListenerAdvice outermost = new ListenerAdvice(access, run);
      Advice[] chain = new Advice[present.length + 2];
      chain[0] = outermost;
      System.arraycopy(present, 0, chain, 1, present.length);
      chain[chain.length - 1] = outermost.refusals;
      access.adviceChain(chain);
    }
    ScopedErrorHandler.install(container);
  }

  @Override
  public @Nullable Object invoke(MethodInvocation invocation) throws Throwable {
    @Nullable Object[] arguments = invocation.getArguments();
    if (arguments.length != 2 || !(arguments[0] instanceof Channel)) {
      return invocation.proceed();
    }
    ProxyMethodInvocation call = (ProxyMethodInvocation) invocation;
    if (arguments[1] instanceof Message message) {
      one(call, message);
    } else {
      batches.invoke(call);
    }
    return null;
  }

  static Channel channelOf(ProxyMethodInvocation call) {
    return (Channel) Objects.requireNonNull(call.getArguments()[0]);
  }

  /** The messages that a listener is called with: one, or those of a batch. */
  @SuppressWarnings("unchecked")
  static List<Message> messagesOf(ProxyMethodInvocation call) {
    return call.getArguments()[1] instanceof Message message
        ? List.of(message)
        : (List<Message>) Objects.requireNonNull(call.getArguments()[1]);
  }

  private void one(ProxyMethodInvocation call, Message message) throws Throwable {
    Inbound.Verdict verdict = judge.judge(channelOf(call), message);
    if (verdict instanceof Inbound.Verdict.Acknowledge) {
      refusals.acknowledge(channelOf(call), List.of(message));
    } else if (container.container().getAcknowledgeMode().isManual()) {
      manually(call, message, works(verdict));
    } else {
      scope.run(call, works(verdict));
    }
  }

  private static List<Work> works(Inbound.Verdict verdict) {
    return verdict instanceof Inbound.Verdict.Handle handle ? List.of(handle.work()) : List.of();
  }

  private void manually(ProxyMethodInvocation call, Message message, List<Work> works)
      throws Throwable {
    TrackedChannel tracked = new TrackedChannel(channelOf(call));
    if (container.asynchronous()) {
      works.forEach(work -> tracked.holdUntilSettled(work, SpringMessages.tagOf(message)));
    }
    boolean returned = false;
    try {
      scope.run((ProxyMethodInvocation) call.invocableClone(tracked.proxy(), message), works);
      returned = true;
    } finally {
      if (!returned) {
        tracked.release();
      }
    }
  }
}
