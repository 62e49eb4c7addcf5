package io.sandpiper.amqp;

import java.lang.reflect.Modifier;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.aopalliance.intercept.MethodInterceptor;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.amqp.rabbit.connection.AbstractConnectionFactory;
import org.springframework.amqp.rabbit.connection.ConnectionFactory;
import org.springframework.amqp.rabbit.core.BatchingRabbitTemplate;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.RabbitListenerContainerFactory;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.beans.factory.config.BeanPostProcessor;

/**
 * Wraps connection factories, templates, listener containers and the factories of listener
 * containers.
 *
 * <p>Post-processors of beans rather than Boot's customizers: of those, one of ours beside one of
 * the application's would switch both off.
 */
final class RabbitPostProcessor implements BeanPostProcessor {

  private final List<Consumer<AbstractMessageListenerContainer>> made =
      new CopyOnWriteArrayList<>();

  /** Adds one that is told of each listener container when it has been wrapped. */
  void whenMade(Consumer<AbstractMessageListenerContainer> listener) {
    made.add(listener);
  }

  @Override
  public Object postProcessAfterInitialization(Object bean, String beanName) {
    if (bean instanceof ConnectionFactory connections) {
      wrap(connections);
    } else if (bean instanceof RabbitTemplate template) {
      // A connection factory need not be a bean.
      wrap(template.getConnectionFactory());
      if (template instanceof BatchingRabbitTemplate batching) {
        AmqpPropagation.wrap(batching);
      }
    } else if (bean instanceof AsyncRabbitTemplate template) {
      wrap(template.getConnectionFactory());
      AmqpPropagation.wrap(template);
    } else if (bean instanceof AbstractMessageListenerContainer container) {
      wrap(container);
    }
    if (bean instanceof com.rabbitmq.client.ConnectionFactory factory) {
      return AmqpPropagation.wrap(factory);
    }
    if (bean instanceof AsyncRabbitTemplate template) {
      return AsyncRequests.wrap(template);
    }
    return bean instanceof RabbitListenerContainerFactory<?> factory ? proxy(factory) : bean;
  }

  private static void wrap(@Nullable ConnectionFactory connections) {
    if (connections instanceof AbstractConnectionFactory factory) {
      AmqpPropagation.wrap(factory);
    }
  }

  private void wrap(AbstractMessageListenerContainer container) {
    wrap(container.getConnectionFactory());
    AmqpPropagation.wrap(container);
    made.forEach(listener -> listener.accept(container));
  }

  /** The factory keeps its class; each container that it makes is wrapped. */
  private Object proxy(RabbitListenerContainerFactory<?> factory) {
    ProxyFactory proxy = new ProxyFactory(factory);
    proxy.setProxyTargetClass(!Modifier.isFinal(factory.getClass().getModifiers()));
    proxy.addAdvice(
        (MethodInterceptor)
            call -> {
              Object made = call.proceed();
              if (made instanceof AbstractMessageListenerContainer container) {
                wrap(container);
              }
              return made;
            });
    return proxy.getProxy(factory.getClass().getClassLoader());
  }
}
