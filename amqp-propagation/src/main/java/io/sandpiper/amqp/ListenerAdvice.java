package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import io.sandpiper.Hop;
import io.sandpiper.Run;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import io.sandpiper.jdbc.SandboxEndedException;
import io.sandpiper.jdbc.SandboxException;
import io.sandpiper.jdbc.UnownedAccessException;
import java.io.IOException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.aopalliance.aop.Advice;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageProperties;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.support.ListenerExecutionFailedException;
import org.springframework.aop.ProxyMethodInvocation;
import org.springframework.util.ReflectionUtils;

/**
 * The outermost advice of a listener container: finds the test of each message and runs the
 * listener, with the application's own advice, inside its scope.
 *
 * <p>What must not reach the application is acknowledged and recorded, never rejected: a rejected
 * message would be requeued, or go round a dead-letter topology, for ever.
 */
final class ListenerAdvice implements MethodInterceptor {

  private final AbstractMessageListenerContainer container;
  private final Inbound inbound;

  private ListenerAdvice(AbstractMessageListenerContainer container, Run run) {
    this.container = container;
    this.inbound = new Inbound(run);
  }

  static void prepend(AbstractMessageListenerContainer container, Run run) {
    Advice[] present = adviceOf(container);
    if (present.length > 0 && present[0] instanceof ListenerAdvice) {
      return;
    }
    Advice[] chain = new Advice[present.length + 1];
    chain[0] = new ListenerAdvice(container, run);
    System.arraycopy(present, 0, chain, 1, present.length);
    container.setAdviceChain(chain);
  }

  /** The getter is for subclasses; the chain may come from the factory or a customizer. */
  private static Advice[] adviceOf(AbstractMessageListenerContainer container) {
    Method getter =
        Objects.requireNonNull(
            ReflectionUtils.findMethod(AbstractMessageListenerContainer.class, "getAdviceChain"),
            "AbstractMessageListenerContainer.getAdviceChain() of spring-rabbit");
    ReflectionUtils.makeAccessible(getter);
    return (Advice[]) Objects.requireNonNull(ReflectionUtils.invokeMethod(getter, container));
  }

  @Override
  public @Nullable Object invoke(MethodInvocation listener) throws Throwable {
    @Nullable Object[] arguments = listener.getArguments();
    if (arguments.length == 2 && arguments[0] instanceof Channel channel) {
      if (arguments[1] instanceof Message message) {
        return one(listener, channel, message);
      }
      if (arguments[1] instanceof List<?> batch) {
        return batch(listener, channel, batch);
      }
    }
    return listener.proceed();
  }

  private @Nullable Object one(MethodInvocation listener, Channel channel, Message message)
      throws Throwable {
    Inbound.Verdict verdict = judge(message);
    if (verdict instanceof Inbound.Verdict.Handle handle) {
      return inScope(listener, channel, List.of(handle.work()), List.of(message));
    }
    if (verdict instanceof Inbound.Verdict.Acknowledge) {
      acknowledge(channel, message);
      return null;
    }
    return unowned(listener, channel, List.of(message));
  }

  private Inbound.Verdict judge(Message message) {
    MessageProperties properties = message.getMessageProperties();
    return inbound.judge(
        new Hop.Content(
            Hop.Direction.RECEIVED,
            queueOf(message),
            new Hop.Route(
                Objects.requireNonNullElse(properties.getReceivedExchange(), ""),
                Objects.requireNonNullElse(properties.getReceivedRoutingKey(), "")),
            properties.getHeaders(),
            message.getBody(),
            new Hop.Ids(
                properties.getCorrelationId(),
                properties.getMessageId(),
                properties.getReplyTo())));
  }

  private static String queueOf(Message message) {
    return Objects.requireNonNullElse(message.getMessageProperties().getConsumerQueue(), "?");
  }

  /** A batch may mix tests: each gets the part that is its own, in the order of the batch. */
  private @Nullable Object batch(MethodInvocation listener, Channel channel, List<?> batch)
      throws Throwable {
    Map<Object, List<Message>> messages = new LinkedHashMap<>();
    Map<Object, List<Work>> works = new LinkedHashMap<>();
    for (Object item : batch) {
      Message message = (Message) item;
      Inbound.Verdict verdict = judge(message);
      if (verdict instanceof Inbound.Verdict.Acknowledge) {
        acknowledge(channel, message);
        continue;
      }
      Object group =
          verdict instanceof Inbound.Verdict.Handle handle ? handle.work().sandbox() : inbound;
      messages.computeIfAbsent(group, any -> new ArrayList<>()).add(message);
      if (verdict instanceof Inbound.Verdict.Handle handle) {
        works.computeIfAbsent(group, any -> new ArrayList<>()).add(handle.work());
      }
    }
    Throwable failure = null;
    for (Map.Entry<Object, List<Message>> group : messages.entrySet()) {
      try {
        part(listener, channel, works.get(group.getKey()), group.getValue());
      } catch (Throwable failed) {
        failure = join(failure, failed);
      }
    }
    if (failure != null) {
      throw failure;
    }
    return null;
  }

  private static Throwable join(@Nullable Throwable first, Throwable next) {
    if (first == null) {
      return next;
    }
    first.addSuppressed(next);
    return first;
  }

  private void part(
      MethodInvocation listener,
      Channel channel,
      @Nullable List<Work> works,
      List<Message> messages)
      throws Throwable {
    MethodInvocation part = ((ProxyMethodInvocation) listener).invocableClone(channel, messages);
    if (works == null) {
      unowned(part, channel, messages);
    } else {
      inScope(part, channel, works, messages);
    }
  }

  private @Nullable Object inScope(
      MethodInvocation listener, Channel channel, List<Work> works, List<Message> messages)
      throws Throwable {
    Throwable failure = null;
    try (Scope scope = works.get(0).bind()) {
      return listener.proceed();
    } catch (Throwable thrown) {
      failure = thrown instanceof ListenerExecutionFailedException ? thrown.getCause() : thrown;
      if (SandboxException.in(thrown) instanceof SandboxEndedException ended) {
        acknowledge(channel, messages, ended);
        return null;
      }
      throw thrown;
    } finally {
      for (Work work : works) {
        work.finish(failure);
      }
    }
  }

  private @Nullable Object unowned(
      MethodInvocation listener, Channel channel, List<Message> messages) throws Throwable {
    try {
      return listener.proceed();
    } catch (Throwable thrown) {
      if (SandboxException.in(thrown) instanceof UnownedAccessException refused) {
        acknowledge(channel, messages, refused);
        return null;
      }
      throw thrown;
    }
  }

  private void acknowledge(Channel channel, List<Message> messages, SandboxException refusal)
      throws IOException {
    for (Message message : messages) {
      inbound.refusedWork(queueOf(message), Objects.requireNonNull(refusal.getMessage()));
      acknowledge(channel, message);
    }
  }

  /** In every other mode the container does it when this advice returns. */
  private void acknowledge(Channel channel, Message message) throws IOException {
    if (container.getAcknowledgeMode().isManual()) {
      channel.basicAck(message.getMessageProperties().getDeliveryTag(), false);
    }
  }
}
