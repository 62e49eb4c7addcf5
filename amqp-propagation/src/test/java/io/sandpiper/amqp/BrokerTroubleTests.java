package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.amqp.AmqpException;
import org.springframework.amqp.core.MessageListener;
import org.springframework.amqp.core.QueueBuilder;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitAdmin;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;

/** Connections that are lost and queues that go, while tests are in progress. */
@Timeout(120)
class BrokerTroubleTests {

  private static final Duration DRAIN = Duration.ofSeconds(20);

  private final Run run = Run.create();
  private final TestBroker broker = new TestBroker();
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private final CachingConnectionFactory connections = connections();
  private final RabbitTemplate rabbit = new RabbitTemplate(connections);
  private final RabbitAdmin admin = new RabbitAdmin(connections);
  private final SimpleMessageListenerContainer container =
      new SimpleMessageListenerContainer(connections);
  private String queue = "";

  private CachingConnectionFactory connections() {
    CachingConnectionFactory factory = new CachingConnectionFactory();
    factory.setUri(broker.virtualHost().uri());
    factory.getRabbitConnectionFactory().setSocketConfigurator(sockets::add);
    ClientHooks.install(factory.getRabbitConnectionFactory(), run);
    return factory;
  }

  @BeforeEach
  void declare() {
    queue = TestBroker.prefix() + "trouble";
    admin.declareQueue(QueueBuilder.durable(queue).build());
  }

  @AfterEach
  void stop() {
    container.destroy();
    admin.deleteQueue(queue);
    connections.destroy();
    broker.close();
  }

  private void listen(MessageListener listener) {
    container.setQueueNames(queue);
    container.setConcurrentConsumers(2);
    container.setReceiveTimeout(20);
    container.setRecoveryInterval(50);
    container.setMissingQueuesFatal(false);
    container.setMessageListener(listener);
    ListenerAdvice.install(container, run);
    container.afterPropertiesSet();
    container.start();
    await().until(() -> container.getActiveConsumerCount() == 2);
  }

  private Sandbox open() {
    return run.open(Sandbox.Settings.of("T.sends", Isolation.NONE, this).withDrain(DRAIN));
  }

  private void cutAll() {
    for (Socket socket : sockets) {
      sockets.remove(socket);
      try {
        socket.close();
      } catch (IOException failed) {
        throw new AssertionError(failed);
      }
    }
  }

  /** As an application that tries again. */
  private void send(String text) {
    await()
        .ignoreException(AmqpException.class)
        .until(
            () -> {
              try (Scope nobody = Scope.open(null, "asking the broker")) {
                admin.getQueueInfo(queue);
              }
              return true;
            });
    rabbit.convertAndSend(queue, text);
  }

  @RepeatedTest(3)
  void a_message_whose_connection_is_lost_comes_again_to_its_test() throws Exception {
    Sandbox one = open();
    Sandbox two = open();
    HeldDelivery handled = new HeldDelivery(2);
    listen(message -> handled.hold());
    for (Sandbox sandbox : List.of(one, two)) {
      try (Scope scope = sandbox.test().bind()) {
        rabbit.convertAndSend(queue, "of " + sandbox.id());
      }
    }
    handled.awaitHeld();
    cutAll();
    handled.release();
    for (Sandbox sandbox : List.of(one, two)) {
      try (Scope scope = sandbox.test().bind()) {
        assertThat(assertReceive(received(queue), DRAIN).text()).isEqualTo("of " + sandbox.id());
        assertThat(assertReceive(received(queue), DRAIN).text())
            .as("redelivered, because its acknowledgement was lost")
            .isEqualTo("of " + sandbox.id());
      }
    }
    run.end(one, null);
    run.end(two, null);
  }

  @Test
  void the_next_test_works_after_a_connection_was_lost() {
    listen(message -> {});
    for (int i = 0; i < 3; i++) {
      Sandbox sandbox = open();
      try (Scope scope = sandbox.test().bind()) {
        send("text " + i);
        assertThat(assertReceive(received(queue), DRAIN).text()).isEqualTo("text " + i);
      }
      run.end(sandbox, null);
      cutAll();
    }
  }

  @Test
  @ExtendWith(NeedsRabbitMq.class)
  void messages_of_a_queue_that_is_deleted_are_not_waited_for() throws Exception {
    Sandbox sandbox = open();
    HeldDelivery handled = new HeldDelivery(2);
    container.setPrefetchCount(1);
    listen(message -> handled.hold());
    try (Scope scope = sandbox.test().bind()) {
      for (int i = 0; i < 10; i++) {
        rabbit.convertAndSend(queue, "text");
      }
      handled.awaitHeld();
      admin.deleteQueue(queue);
      handled.release();
    }
    long start = System.nanoTime();
    run.end(sandbox, null);
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(DRAIN);
    assertThat(sandbox.journal().toString()).contains("it is not waited for");
  }

  @Test
  void a_test_that_waits_while_the_broker_is_gone_says_what_it_waits_for() {
    Sandbox sandbox = open();
    try (Scope scope = sandbox.test().bind()) {
      rabbit.convertAndSend(queue, "nobody listens");
      cutAll();
      assertThatThrownBy(() -> assertReceive(received(queue), Duration.ofMillis(200)))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("No message matched within 200 ms")
          .hasMessageContaining("left the process");
    }
    run.end(sandbox, null);
  }
}
