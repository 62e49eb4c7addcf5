package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Run;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.core.QueueInformation;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Two application contexts in one JVM, as Spring's context cache keeps them. */
class ContextIsolationTests {

  @Test
  void contexts_share_servers_but_no_queue_and_no_table() {
    List<ConfigurableApplicationContext> contexts = new ArrayList<>();
    try {
      for (int i = 0; i < 2; i++) {
        contexts.add(
            SpringApplication.run(
                EchoApplication.class,
                "--sandpiper.enabled=true",
                "--sandpiper.unowned=pass-through",
                "--sandpiper.database.server=embedded",
                "--sandpiper.rabbit.server=embedded",
                "--spring.rabbitmq.listener.simple.auto-startup=false"));
      }
      CachingConnectionFactory one = contexts.get(0).getBean(CachingConnectionFactory.class);
      CachingConnectionFactory two = contexts.get(1).getBean(CachingConnectionFactory.class);
      assertThat(one.getPort()).isEqualTo(two.getPort());
      assertThat(one.getVirtualHost()).isNotEqualTo(two.getVirtualHost());

      contexts.get(0).getBean(RabbitTemplate.class).convertAndSend("answers", "for the first");
      assertThat(contexts.get(1).getBean(AmqpAdmin.class).getQueueInfo("answers"))
          .isNotNull()
          .extracting(QueueInformation::getMessageCount)
          .isEqualTo(0L);
      assertThat(contexts.get(0).getBean(RabbitTemplate.class).receive("answers", 5000))
          .isNotNull();

      assertThat(
              contexts
                  .get(0)
                  .getBean(AmqpAdmin.class)
                  .getQueueInfo(Homes.queueOf(Run.ofThisJvm().name())))
          .isNull();

      contexts
          .get(0)
          .getBean(JdbcClient.class)
          .sql("INSERT INTO reply (body) VALUES ('x')")
          .update();
      assertThat(contexts.get(1).getBean(EchoApplication.class).rows()).isEmpty();
    } finally {
      contexts.forEach(ConfigurableApplicationContext::close);
    }
  }
}
