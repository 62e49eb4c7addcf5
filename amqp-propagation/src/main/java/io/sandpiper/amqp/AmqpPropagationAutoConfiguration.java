package io.sandpiper.amqp;

import io.sandpiper.Run;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.rabbit.connection.ConnectionFactory;
import org.springframework.amqp.rabbit.listener.RabbitListenerEndpointRegistry;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Role;

/** Wraps the RabbitMQ beans of a context in which the harness is on. */
@AutoConfiguration(
    afterName = "org.springframework.boot.amqp.autoconfigure.RabbitAutoConfiguration")
@ConditionalOnBooleanProperty("sandpiper.enabled")
@Role(BeanDefinition.ROLE_INFRASTRUCTURE)
class AmqpPropagationAutoConfiguration {

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static RabbitPostProcessor sandpiperRabbitPostProcessor() {
    return new RabbitPostProcessor();
  }

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static EndpointContainers sandpiperEndpointContainers(
      ObjectProvider<RabbitListenerEndpointRegistry> registries) {
    return new EndpointContainers(registries);
  }

  @Bean
  @ConditionalOnSingleCandidate(ConnectionFactory.class)
  QueueDiagnosis sandpiperQueueDiagnosis(
      ObjectProvider<AmqpAdmin> admins, ConnectionFactory connections) {
    return new QueueDiagnosis(admins, connections.getVirtualHost(), Run.ofThisJvm());
  }
}
