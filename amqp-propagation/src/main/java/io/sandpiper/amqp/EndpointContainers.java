package io.sandpiper.amqp;

import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.RabbitListenerEndpointRegistry;
import org.springframework.beans.factory.ObjectProvider;

/**
 * Wraps the containers of listener endpoints before they are started: their factory need not be a
 * bean, and a container that nobody has wrapped would requeue for ever what the sandbox refuses.
 */
final class EndpointContainers extends BeforeListeners {

  private final ObjectProvider<RabbitListenerEndpointRegistry> registries;

  EndpointContainers(ObjectProvider<RabbitListenerEndpointRegistry> registries) {
    this.registries = registries;
  }

  @Override
  void begin() {
    registries.forEach(
        registry -> registry.getListenerContainers().forEach(EndpointContainers::wrap));
  }

  private static void wrap(Object made) {
    if (made instanceof AbstractMessageListenerContainer container) {
      AmqpPropagation.wrap(container);
    }
  }
}
