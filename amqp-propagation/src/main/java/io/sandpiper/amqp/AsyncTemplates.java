package io.sandpiper.amqp;

import java.lang.reflect.Field;
import java.util.Objects;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.util.ReflectionUtils;

/** Reaches the container that an asynchronous template makes for its replies. */
final class AsyncTemplates {

  private AsyncTemplates() {}

  /** One for direct replies it has instead makes consumers, which are wrapped as any client's. */
  static void wrapContainer(AsyncRabbitTemplate template) {
    Field field =
        Objects.requireNonNull(
            ReflectionUtils.findField(AsyncRabbitTemplate.class, "container"),
            "AsyncRabbitTemplate.container of spring-rabbit");
    ReflectionUtils.makeAccessible(field);
    if (ReflectionUtils.getField(field, template)
        instanceof AbstractMessageListenerContainer container) {
      AmqpPropagation.wrap(container);
    }
  }
}
