package io.sandpiper.amqp;

import java.lang.reflect.Method;
import java.util.Collection;
import java.util.Objects;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessagePostProcessor;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.core.Ordered;
import org.springframework.core.PriorityOrdered;
import org.springframework.util.ReflectionUtils;

/**
 * The first of a container's post-processors: restores what we have published again, and keeps what
 * the application's own post-processors are going to change.
 */
final class FirstLook implements MessagePostProcessor, PriorityOrdered {

  private static final Method POST_PROCESSORS =
      Objects.requireNonNull(
          ReflectionUtils.findMethod(
              AbstractMessageListenerContainer.class, "getAfterReceivePostProcessors"),
          "AbstractMessageListenerContainer.getAfterReceivePostProcessors() of spring-rabbit");

  static {
    ReflectionUtils.makeAccessible(POST_PROCESSORS);
  }

  private final AbstractMessageListenerContainer container;

  private FirstLook(AbstractMessageListenerContainer container) {
    this.container = container;
  }

  static void install(AbstractMessageListenerContainer container) {
    container.addAfterReceivePostProcessors(new FirstLook(container));
  }

  @Override
  public int getOrder() {
    return Ordered.HIGHEST_PRECEDENCE;
  }

  @Override
  public Message postProcessMessage(Message message) {
    SpringIncoming.restore(message);
    if (hasOthers()) {
      SpringIncoming.keep(message);
    }
    return message;
  }

  private boolean hasOthers() {
    return ReflectionUtils.invokeMethod(POST_PROCESSORS, container) instanceof Collection<?> all
        && all.size() > 1;
  }
}
