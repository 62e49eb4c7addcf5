package io.sandpiper.amqp;

import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.lang.reflect.Field;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.util.ReflectionUtils;

/** Reaches what an asynchronous template makes for its replies and timeouts. */
final class AsyncTemplates {

  private AsyncTemplates() {}

  /** One for direct replies it has instead makes consumers, which are wrapped as any client's. */
  static void wrapContainer(AsyncRabbitTemplate template) {
    if (part(template, "container") instanceof AbstractMessageListenerContainer container) {
      AmqpPropagation.wrap(container);
    }
  }

  /**
   * Has what is scheduled by a template's own scheduler done in the scope of whoever schedules it.
   * One that the application has set is the application's.
   */
  static void scopeTimeouts(AsyncRabbitTemplate template) {
    if (Boolean.TRUE.equals(part(template, "internalTaskScheduler"))
        && part(template, "taskScheduler") instanceof ThreadPoolTaskScheduler scheduler) {
      scheduler.setTaskDecorator(AsyncTemplates::scoped);
    }
  }

  private static Runnable scoped(Runnable task) {
    Work work = Work.current();
    return work == null
        ? task
        : () -> {
          try (Scope scope = work.bind()) {
            task.run();
          }
        };
  }

  private static @Nullable Object part(AsyncRabbitTemplate template, String name) {
    Field field =
        Objects.requireNonNull(
            ReflectionUtils.findField(AsyncRabbitTemplate.class, name),
            () -> "AsyncRabbitTemplate.%s of spring-rabbit".formatted(name));
    ReflectionUtils.makeAccessible(field);
    return ReflectionUtils.getField(field, template);
  }
}
