package io.sandpiper.amqp;

import com.rabbitmq.client.ConnectionFactory;
import java.lang.reflect.Modifier;
import org.aopalliance.intercept.MethodInterceptor;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.amqp.rabbit.connection.AbstractConnectionFactory;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.RabbitListenerContainerFactory;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.beans.factory.config.BeanPostProcessor;

/**
 * Wraps connection factories, listener containers and the factories of listener containers.
 *
 * <p>Post-processors of beans rather than Boot's customizers: of those, one of ours beside one of
 * the application's would switch both off.
 */
final class RabbitPostProcessor implements BeanPostProcessor {

  @Override
  public Object postProcessBeforeInitialization(Object bean, String beanName) {
    // A container builds its advice when it is initialised.
    return bean instanceof AbstractMessageListenerContainer container
        ? AmqpPropagation.wrap(container)
        : bean;
  }

  @Override
  public Object postProcessAfterInitialization(Object bean, String beanName) {
    if (bean instanceof AbstractConnectionFactory factory) {
      return AmqpPropagation.wrap(factory);
    }
    if (bean instanceof AsyncRabbitTemplate template) {
      return AsyncRequests.wrap(template);
    }
    if (bean instanceof ConnectionFactory factory) {
      return AmqpPropagation.wrap(factory);
    }
    return bean instanceof RabbitListenerContainerFactory<?> factory ? proxy(factory) : bean;
  }

  /** The factory keeps its class; each container that it makes is wrapped. */
  private static Object proxy(RabbitListenerContainerFactory<?> factory) {
    ProxyFactory proxy = new ProxyFactory(factory);
    proxy.setProxyTargetClass(!Modifier.isFinal(factory.getClass().getModifiers()));
    proxy.addAdvice(
        (MethodInterceptor)
            call -> {
              Object made = call.proceed();
              return made instanceof AbstractMessageListenerContainer container
                  ? AmqpPropagation.wrap(container)
                  : made;
            });
    return proxy.getProxy(factory.getClass().getClassLoader());
  }
}
