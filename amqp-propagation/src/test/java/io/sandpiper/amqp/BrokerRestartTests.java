package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.MessageProperties;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.amqp.AmqpException;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.core.MessageListener;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.core.QueueBuilder;
import org.springframework.amqp.core.QueueInformation;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitAdmin;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.DirectMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;
import org.springframework.context.ConfigurableApplicationContext;

/**
 * A broker that is stopped and started again while tests are in progress. RabbitMQ keeps what is
 * durable; the embedded one nothing.
 */
@Timeout(180)
class BrokerRestartTests {

  private static final Duration LONG = Duration.ofSeconds(60);
  private static final Duration SHORT = Duration.ofMillis(700);

  enum Kind {
    SIMPLE,
    DIRECT
  }

  private final Run run = Run.create();
  private final RestartableBroker broker = new RestartableBroker();
  private final CachingConnectionFactory connections = connections();
  private final RabbitTemplate rabbit = new RabbitTemplate(connections);
  private final RabbitAdmin admin = admin();
  private final String prefix = TestBroker.prefix();
  private final List<AbstractMessageListenerContainer> containers = new ArrayList<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();

  private CachingConnectionFactory connections() {
    CachingConnectionFactory factory = new CachingConnectionFactory();
    factory.setUri(broker.uri());
    factory.setPublisherConfirmType(CachingConnectionFactory.ConfirmType.SIMPLE);
    ClientHooks.install(factory.getRabbitConnectionFactory(), run);
    return factory;
  }

  private RabbitAdmin admin() {
    RabbitAdmin made = new RabbitAdmin(connections);
    made.setRedeclareManualDeclarations(true);
    made.afterPropertiesSet();
    return made;
  }

  @AfterEach
  void stop() {
    threads.shutdownNow();
    broker.start();
    containers.forEach(AbstractMessageListenerContainer::destroy);
    connections.destroy();
    broker.close();
  }

  private String declare(Queue queue) {
    admin.declareQueue(queue);
    return queue.getName();
  }

  private String durable(String name) {
    return declare(QueueBuilder.durable(prefix + name).build());
  }

  /** Listeners that recover fast, and are given one message at a time. */
  private void listen(Kind kind, String queue, MessageListener listener) {
    AbstractMessageListenerContainer container;
    if (kind == Kind.SIMPLE) {
      SimpleMessageListenerContainer simple = new SimpleMessageListenerContainer(connections);
      simple.setReceiveTimeout(20);
      simple.setMissingQueuesFatal(false);
      container = simple;
    } else {
      DirectMessageListenerContainer direct = new DirectMessageListenerContainer(connections);
      direct.setMonitorInterval(100);
      direct.setMissingQueuesFatal(false);
      container = direct;
    }
    container.setQueueNames(queue);
    container.setPrefetchCount(1);
    container.setRecoveryInterval(100);
    container.setFailedDeclarationRetryInterval(100);
    container.setMessageListener(listener);
    ListenerAdvice.install(container, run);
    container.afterPropertiesSet();
    container.start();
    containers.add(container);
  }

  private Sandbox open(Duration drain) {
    return run.open(Sandbox.Settings.of("T.sends", Isolation.NONE, this).withDrain(drain));
  }

  /** How long what the broker may have kept is waited for: the embedded one has kept nothing. */
  private Duration untilComeBack() {
    return broker.isRabbit() ? LONG : SHORT;
  }

  /** Sends as a test, and waits until the broker has it. */
  private void send(Sandbox sandbox, String queue, String text) {
    try (Scope scope = sandbox.test().bind()) {
      rabbit.invoke(
          operations -> {
            operations.convertAndSend(queue, text);
            operations.waitForConfirmsOrDie(30_000);
            return true;
          });
    }
  }

  private Future<String> waiting(Sandbox sandbox, String queue, Duration atMost) {
    return threads.submit(
        () -> {
          try (Scope scope = sandbox.test().bind()) {
            return assertReceive(received(queue), atMost).text();
          }
        });
  }

  private void the_next_test_works(String queue) {
    await()
        .atMost(LONG)
        .ignoreException(AmqpException.class)
        .until(() -> admin.getQueueInfo(queue) != null);
    Sandbox next = open(LONG);
    send(next, queue, "next");
    try (Scope scope = next.test().bind()) {
      assertThat(assertReceive(received(queue), LONG).text()).isEqualTo("next");
    }
    run.end(next, null);
  }

  private static String text(org.springframework.amqp.core.Message message) {
    return new String(message.getBody(), StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @EnumSource
  void tests_that_wait_meanwhile_get_what_the_broker_has_kept(Kind kind) throws Exception {
    String queue = durable("kept");
    Sandbox one = open(untilComeBack());
    Sandbox two = open(untilComeBack());
    HeldDelivery first = new HeldDelivery();
    listen(
        kind,
        queue,
        message -> {
          if (text(message).equals("of one")) {
            first.hold();
          }
        });
    send(one, queue, "of one");
    first.awaitHeld();
    send(two, queue, "of two");
    Future<String> ofOne = waiting(one, queue, LONG);
    Future<String> ofTwo = waiting(two, queue, untilComeBack());

    broker.stop();
    first.release();
    assertThat(ofOne.get(60, TimeUnit.SECONDS)).isEqualTo("of one");
    broker.start();

    if (broker.isRabbit()) {
      assertThat(ofTwo.get(90, TimeUnit.SECONDS)).isEqualTo("of two");
      try (Scope scope = one.test().bind()) {
        assertThat(assertReceive(received(queue), LONG).text())
            .as("delivered again, because its acknowledgement was lost")
            .isEqualTo("of one");
      }
      run.end(one, null);
      run.end(two, null);
    } else {
      assertThatThrownBy(() -> ofTwo.get(60, TimeUnit.SECONDS))
          .hasMessageContainingAll("No message matched", "its connection was lost");
      for (Sandbox sandbox : List.of(one, two)) {
        assertThatThrownBy(() -> run.end(sandbox, null))
            .hasMessageContainingAll("in transit to queue " + queue, "its connection was lost");
      }
    }
    the_next_test_works(queue);
  }

  @ParameterizedTest
  @EnumSource
  void what_was_in_a_queue_that_is_not_durable_is_not_waited_for(Kind kind) throws Exception {
    String queue = declare(QueueBuilder.nonDurable(prefix + "lost").build());
    Sandbox one = open(LONG);
    Sandbox two = open(LONG);
    HeldDelivery first = new HeldDelivery();
    listen(
        kind,
        queue,
        message -> {
          first.hold();
        });
    send(one, queue, "of one");
    first.awaitHeld();
    send(two, queue, "of two");

    broker.stop();
    first.release();
    long start = System.nanoTime();
    for (Sandbox sandbox : List.of(one, two)) {
      assertThatCode(() -> run.end(sandbox, null)).doesNotThrowAnyException();
      assertThat(sandbox.journal().toString())
          .contains("is left without a consumer in this JVM (its connection was lost: ")
          .contains("it is not waited for");
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(LONG.dividedBy(2));
    broker.start();
    the_next_test_works(queue);
  }

  @ParameterizedTest
  @EnumSource
  void the_end_of_a_test_waits_until_what_the_broker_has_kept_is_handled(Kind kind)
      throws Exception {
    String queue = durable("kept");
    Sandbox one = open(untilComeBack());
    Sandbox two = open(untilComeBack());
    HeldDelivery first = new HeldDelivery();
    List<String> handled = new CopyOnWriteArrayList<>();
    listen(
        kind,
        queue,
        message -> {
          if (text(message).equals("of one")) {
            first.hold();
          }
          handled.add(text(message));
        });
    send(one, queue, "of one");
    first.awaitHeld();
    send(two, queue, "of two");
    broker.stop();
    Future<?> ending = threads.submit(() -> run.end(two, null));
    first.release();
    broker.start();

    if (broker.isRabbit()) {
      ending.get(90, TimeUnit.SECONDS);
      assertThat(handled).contains("of two");
      run.end(one, null);
      assertThat(handled).filteredOn("of one"::equals).hasSize(2);
    } else {
      assertThatThrownBy(() -> ending.get(60, TimeUnit.SECONDS))
          .hasMessageContainingAll("in transit to queue " + queue, "its connection was lost");
      assertThatThrownBy(() -> run.end(one, null))
          .hasMessageContainingAll("in transit to queue " + queue, "its connection was lost");
    }
    the_next_test_works(queue);
  }

  @Test
  void a_test_that_sends_while_the_broker_is_gone_fails_with_that() {
    String queue = durable("gone");
    listen(Kind.SIMPLE, queue, message -> {});
    Sandbox one = open(LONG);
    send(one, queue, "before");
    try (Scope scope = one.test().bind()) {
      assertThat(assertReceive(received(queue), LONG).text()).isEqualTo("before");
    }
    broker.stop();
    Sandbox two = open(LONG);

    assertThatThrownBy(() -> send(two, queue, "meanwhile")).isInstanceOf(AmqpException.class);

    long start = System.nanoTime();
    try (Scope scope = two.test().bind()) {
      assertThatThrownBy(() -> assertReceive(received(queue), Duration.ofMillis(200)))
          .hasMessageContaining("No message matched within 200 ms");
    }
    run.end(two, null);
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(LONG.dividedBy(2));
    broker.start();
    the_next_test_works(queue);
    run.end(one, null);
  }

  @Test
  void consumers_of_the_client_itself_recover_with_their_tests() throws Exception {
    String queue = durable("raw");
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(broker.uri());
    factory.setAutomaticRecoveryEnabled(true);
    factory.setNetworkRecoveryInterval(100);
    ClientHooks.install(factory, run);
    Sandbox one = open(untilComeBack());
    Sandbox two = open(untilComeBack());
    HeldDelivery first = new HeldDelivery();
    try (Connection connection = factory.newConnection()) {
      Channel consumes = connection.createChannel();
      consumes.queueDeclare(queue, true, false, false, null);
      first.consume(consumes, queue);
      Channel publishes = connection.createChannel();
      publishes.confirmSelect();
      for (Sandbox sandbox : List.of(one, two)) {
        try (Scope scope = sandbox.test().bind()) {
          publishes.basicPublish(
              "",
              queue,
              MessageProperties.PERSISTENT_BASIC,
              "raw".getBytes(StandardCharsets.UTF_8));
          publishes.waitForConfirmsOrDie(30_000);
        }
      }
      first.awaitHeld();

      broker.stop();
      first.release();
      broker.start();

      for (Sandbox sandbox : List.of(one, two)) {
        if (broker.isRabbit()) {
          assertThat(waiting(sandbox, queue, LONG).get(90, TimeUnit.SECONDS)).isEqualTo("raw");
          run.end(sandbox, null);
        } else {
          assertThatThrownBy(() -> run.end(sandbox, null))
              .hasMessageContainingAll("in transit to queue " + queue, "its connection was lost");
        }
      }
      await().atMost(LONG).until(consumes::isOpen);
      the_next_test_works(queue);
    }
  }

  private static int consumers(ConfigurableApplicationContext context, String queue) {
    QueueInformation information = context.getBean(AmqpAdmin.class).getQueueInfo(queue);
    return information == null ? 0 : information.getConsumerCount();
  }

  @Test
  void contexts_that_share_the_broker_are_home_again() throws Exception {
    try (ConfigurableApplicationContext first = StrayApplication.start(broker.uri());
        ConfigurableApplicationContext second = StrayApplication.start(broker.uri())) {
      assertThat(StrayJvm.tests(first, 2, 5)).isEmpty();

      broker.stop();
      broker.start();

      for (String shared : StrayApplication.QUEUES) {
        await()
            .atMost(LONG)
            .ignoreException(AmqpException.class)
            .until(() -> consumers(first, shared) >= 2);
      }
      Future<List<String>> one = threads.submit(() -> StrayJvm.tests(first, 4, 5));
      Future<List<String>> two = threads.submit(() -> StrayJvm.tests(second, 4, 5));
      assertThat(one.get(120, TimeUnit.SECONDS)).isEmpty();
      assertThat(two.get(120, TimeUnit.SECONDS)).isEmpty();
    }
  }
}
