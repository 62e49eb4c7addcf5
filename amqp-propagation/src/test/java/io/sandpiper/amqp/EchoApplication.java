package io.sandpiper.amqp;

import io.sandpiper.Work;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.aopalliance.intercept.MethodInterceptor;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.core.Declarables;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.rabbit.annotation.RabbitListener;
import org.springframework.amqp.rabbit.config.SimpleRabbitListenerContainerFactory;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** An application that writes down the replies of a worker, with advice of its own. */
@SpringBootApplication
class EchoApplication {

  static final List<String> QUEUES =
      List.of(
          "requests.headers",
          "requests.baggage",
          "requests.correlation",
          "requests.nothing",
          "replies",
          "questions",
          "answers",
          "batches",
          "transacted");

  private final JdbcClient jdbc;
  private final List<String> handled = new CopyOnWriteArrayList<>();
  private final UnscopedAdvice unscopedAdvice;

  EchoApplication(JdbcClient jdbc, UnscopedAdvice unscopedAdvice) {
    this.jdbc = jdbc;
    this.unscopedAdvice = unscopedAdvice;
    jdbc.sql("CREATE TABLE IF NOT EXISTS reply (id serial PRIMARY KEY, body text)").update();
  }

  List<String> handled() {
    return handled;
  }

  /** The bodies for which the application's own advice ran outside any scope. */
  Set<String> unscopedAdvice() {
    return unscopedAdvice.bodies();
  }

  record UnscopedAdvice(Set<String> bodies) {}

  @Bean
  static UnscopedAdvice unscoped() {
    return new UnscopedAdvice(ConcurrentHashMap.newKeySet());
  }

  @Bean
  static Declarables queues() {
    return new Declarables(QUEUES.stream().map(Queue::new).toList());
  }

  @Bean
  static SimpleRabbitListenerContainerFactory advised(
      CachingConnectionFactory connections, UnscopedAdvice unscoped) {
    SimpleRabbitListenerContainerFactory factory = containers(connections);
    factory.setConcurrentConsumers(4);
    factory.setAdviceChain(
        (MethodInterceptor)
            call -> {
              if (Work.current() == null) {
                unscoped
                    .bodies()
                    .add(
                        new String(
                            ((Message) Objects.requireNonNull(call.getArguments()[1])).getBody(),
                            StandardCharsets.UTF_8));
              }
              return call.proceed();
            });
    return factory;
  }

  @Bean
  static SimpleRabbitListenerContainerFactory transacted(
      CachingConnectionFactory connections, PlatformTransactionManager transactions) {
    SimpleRabbitListenerContainerFactory factory = containers(connections);
    factory.setTransactionManager(transactions);
    factory.setChannelTransacted(true);
    return factory;
  }

  @Bean
  static SimpleRabbitListenerContainerFactory batched(CachingConnectionFactory connections) {
    SimpleRabbitListenerContainerFactory factory = containers(connections);
    factory.setBatchListener(true);
    factory.setConsumerBatchEnabled(true);
    factory.setBatchSize(20);
    factory.setReceiveTimeout(50L);
    return factory;
  }

  private static SimpleRabbitListenerContainerFactory containers(
      CachingConnectionFactory connections) {
    SimpleRabbitListenerContainerFactory factory = new SimpleRabbitListenerContainerFactory();
    factory.setConnectionFactory(connections);
    factory.setDefaultRequeueRejected(false);
    return factory;
  }

  @RabbitListener(queues = "replies", containerFactory = "advised")
  void reply(String body) {
    handled.add(body);
    if (body.startsWith("fail")) {
      throw new IllegalArgumentException("cannot handle " + body);
    }
    insert(body);
  }

  @RabbitListener(queues = "questions", containerFactory = "advised")
  String question(String body) {
    return "answer to " + body;
  }

  @RabbitListener(queues = "batches", containerFactory = "batched")
  void batch(List<String> bodies) {
    bodies.forEach(this::insert);
  }

  /** The container commits after the listener, and the listener's advice, have returned. */
  @RabbitListener(queues = "transacted", containerFactory = "transacted")
  void transacted(String body) {
    insert(body);
    TransactionSynchronizationManager.registerSynchronization(
        new TransactionSynchronization() {
          @Override
          public void afterCommit() {
            handled.add("committed " + body);
          }
        });
  }

  private void insert(String body) {
    jdbc.sql("INSERT INTO reply (body) VALUES (?)").param(body).update();
  }

  List<@Nullable String> rows() {
    return jdbc.sql("SELECT body FROM reply ORDER BY id").query(String.class).list();
  }
}
