package io.sandpiper.amqp;

import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.RabbitListenerEndpointRegistry;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.context.SmartLifecycle;

/**
 * Wraps the containers of listener endpoints before they are started: their factory need not be a
 * bean, and a container that nobody has wrapped would requeue for ever what the sandbox refuses.
 */
final class EndpointContainers implements SmartLifecycle {

  private final ObjectProvider<RabbitListenerEndpointRegistry> registries;
  private volatile boolean running;

  EndpointContainers(ObjectProvider<RabbitListenerEndpointRegistry> registries) {
    this.registries = registries;
  }

  @Override
  public void start() {
    running = true;
    registries.forEach(
        registry -> registry.getListenerContainers().forEach(EndpointContainers::wrap));
  }

  private static void wrap(Object made) {
    if (made instanceof AbstractMessageListenerContainer container) {
      AmqpPropagation.wrap(container);
    }
  }

  @Override
  public void stop() {
    running = false;
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  @Override
  public int getPhase() {
    return Integer.MIN_VALUE;
  }
}
