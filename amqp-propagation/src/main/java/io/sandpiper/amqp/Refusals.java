package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import io.sandpiper.jdbc.SandboxEndedException;
import io.sandpiper.jdbc.SandboxException;
import io.sandpiper.jdbc.UnownedAccessException;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.util.List;
import java.util.Objects;
import org.aopalliance.intercept.MethodInterceptor;
import org.aopalliance.intercept.MethodInvocation;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.aop.ProxyMethodInvocation;

/**
 * Sees to it that messages which are refused are acknowledged, once, and never rejected: a rejected
 * message would be requeued, or go round a dead-letter topology, for ever.
 *
 * <p>As the innermost advice it keeps what the sandbox refused to a listener from the application's
 * own advice, which would try again, and republish the message to the application's dead letters.
 */
final class Refusals implements MethodInterceptor {

  private static final String SWALLOWED = Refusals.class.getName();

  private final AbstractMessageListenerContainer container;
  private final Inbound inbound;
  private final ThreadLocal<@Nullable Acknowledged> last = new ThreadLocal<>();

  private record Acknowledged(WeakReference<Channel> channel, long delivery) {}

  Refusals(AbstractMessageListenerContainer container, Inbound inbound) {
    this.container = container;
    this.inbound = inbound;
  }

  @Override
  public @Nullable Object invoke(MethodInvocation listener) throws Throwable {
    try {
      return listener.proceed();
    } catch (Throwable thrown) {
      if (swallow((ProxyMethodInvocation) listener, thrown)) {
        return null;
      }
      throw thrown;
    }
  }

  /** What {@link #swallow} has swallowed in a call of the listener, or null. */
  static @Nullable Throwable swallowed(ProxyMethodInvocation call) {
    return (Throwable) call.getUserAttribute(SWALLOWED);
  }

  /**
   * Acknowledges the messages of a call to which the sandbox refused something.
   *
   * @return whether that is why the call failed
   */
  boolean swallow(ProxyMethodInvocation call, Throwable thrown) throws IOException {
    SandboxException refusal = SandboxException.in(thrown);
    if (!(refusal instanceof SandboxEndedException || refusal instanceof UnownedAccessException)) {
      return false;
    }
    call.setUserAttribute(SWALLOWED, refusal);
    List<Message> messages = ListenerAdvice.messagesOf(call);
    for (Message message : messages) {
      inbound.refusedWork(
          SpringMessages.queueOf(message), Objects.requireNonNull(refusal.getMessage()));
    }
    acknowledge(ListenerAdvice.channelOf(call), messages);
    return true;
  }

  /** In every other mode the container does it, when the advice returns. */
  void acknowledge(Channel channel, List<Message> messages) throws IOException {
    if (container.getAcknowledgeMode().isManual()) {
      for (long delivery : SpringMessages.deliveries(messages)) {
        acknowledge(channel, delivery);
      }
    }
  }

  private void acknowledge(Channel channel, long delivery) throws IOException {
    TrackedChannel tracked = TrackedChannel.of(channel);
    if (tracked == null ? !again(channel, delivery) : !tracked.settled(delivery)) {
      channel.basicAck(delivery, false);
    }
  }

  /** The parts of one delivery come one after the other, on one thread. */
  private boolean again(Channel channel, long delivery) {
    Acknowledged before = last.get();
    last.set(new Acknowledged(new WeakReference<>(channel), delivery));
    return before != null && before.delivery() == delivery && before.channel().refersTo(channel);
  }
}
