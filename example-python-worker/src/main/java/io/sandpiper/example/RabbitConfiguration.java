package io.sandpiper.example;

import java.util.stream.Stream;
import org.springframework.amqp.core.Declarables;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.support.converter.JacksonJsonMessageConverter;
import org.springframework.amqp.support.converter.MessageConverter;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import tools.jackson.databind.json.JsonMapper;

@Configuration(proxyBeanMethods = false)
class RabbitConfiguration {

  @Bean
  MessageConverter messageConverter(JsonMapper mapper) {
    return new JacksonJsonMessageConverter(mapper);
  }

  @Bean
  Declarables scoring(ScoringQueues queues) {
    return new Declarables(
        Stream.of(queues.requests(), queues.results(), queues.failures()).map(Queue::new).toList());
  }
}
