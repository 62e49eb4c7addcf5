package io.sandpiper.amqp;

import io.sandpiper.Run;
import java.util.stream.Stream;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.rabbit.connection.AbstractConnectionFactory;
import org.springframework.amqp.rabbit.connection.ConnectionFactory;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.RabbitListenerEndpointRegistry;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Role;
import org.springframework.core.env.Environment;

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

  @Bean
  @ConditionalOnProperty("sandpiper.amqp.taps")
  @ConditionalOnSingleCandidate(AbstractConnectionFactory.class)
  TapOpener sandpiperTaps(AbstractConnectionFactory connections, Environment environment) {
    return new TapOpener(
        connections, environment.getProperty("sandpiper.amqp.taps", String[].class, new String[0]));
  }

  /** On a broker of ours each context has a virtual host, and no test is at home anywhere else. */
  @Bean
  @ConditionalOnBean(ConnectionFactory.class)
  ContextHome sandpiperContextHome(
      ApplicationContext context,
      RabbitPostProcessor wrapped,
      ObjectProvider<BrokerOfRun> broker,
      ObjectProvider<AbstractMessageListenerContainer> containers,
      ObjectProvider<RabbitListenerEndpointRegistry> endpoints) {
    ContextHome home =
        new ContextHome(
            context,
            Run.ofThisJvm(),
            () -> broker.stream().noneMatch(BrokerOfRun::ours),
            () ->
                Stream.concat(
                        containers.stream(),
                        endpoints.stream()
                            .flatMap(registry -> registry.getListenerContainers().stream()))
                    .filter(AbstractMessageListenerContainer.class::isInstance)
                    .map(AbstractMessageListenerContainer.class::cast)
                    .distinct()
                    .toList());
    wrapped.whenMade(home::made);
    return home;
  }
}
