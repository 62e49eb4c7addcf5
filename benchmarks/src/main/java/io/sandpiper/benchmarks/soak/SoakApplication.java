package io.sandpiper.benchmarks.soak;

import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.rabbit.annotation.RabbitListener;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;

/** An application that asks a worker and writes down its replies. */
@SpringBootApplication
class SoakApplication {

  static final String REQUESTS = "soak.requests";
  static final String REPLIES = "soak.replies";
  static final long CONFIRMED_WITHIN_MILLIS = 10_000;
  static final String TABLE = "CREATE TABLE soak (token text NOT NULL)";

  private final JdbcClient jdbc;
  private final RabbitTemplate rabbit;

  SoakApplication(JdbcClient jdbc, RabbitTemplate rabbit) {
    this.jdbc = jdbc;
    this.rabbit = rabbit;
  }

  @Bean
  static Queue requests() {
    return new Queue(REQUESTS);
  }

  @Bean
  static Queue replies() {
    return new Queue(REPLIES);
  }

  /** Returns when the broker has them. */
  void ask(Collection<String> tokens) {
    rabbit.invoke(
        operations -> {
          tokens.forEach(token -> operations.convertAndSend(REQUESTS, token));
          operations.waitForConfirmsOrDie(CONFIRMED_WITHIN_MILLIS);
          return tokens;
        });
  }

  @RabbitListener(queues = REPLIES, concurrency = "4")
  void answered(String token) {
    jdbc.sql("INSERT INTO soak (token) VALUES (?)").param(token).update();
  }

  List<@Nullable String> answers() {
    return jdbc.sql("SELECT token FROM soak").query(String.class).list();
  }
}
