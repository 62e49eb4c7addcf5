package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import io.sandpiper.Faults;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.amqp.core.AcknowledgeMode;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageBuilder;
import org.springframework.amqp.core.MessageDeliveryMode;
import org.springframework.amqp.core.MessageProperties;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.DirectMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.api.ChannelAwareBatchMessageListener;
import org.springframework.amqp.rabbit.listener.api.ChannelAwareMessageListener;
import org.springframework.amqp.rabbit.transaction.RabbitTransactionManager;

/** Faults of one test's messages, with three neighbours on the same queue. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FaultTests {

  private static final Duration LATER = Duration.ofMillis(150);
  private static final int MESSAGES = 5;

  private final Run run = Run.ofThisJvm();
  private final TestBroker broker = new TestBroker();
  private final CachingConnectionFactory connections = broker.connections();
  private final RabbitTemplate rabbit = new RabbitTemplate(connections);
  private final ExecutorService tests = Executors.newFixedThreadPool(4);

  /** The ways in which a container acknowledges; batches with manual acks are not split by test. */
  enum Mode {
    SIMPLE_AUTO,
    SIMPLE_MANUAL,
    SIMPLE_NONE,
    SIMPLE_TRANSACTED,
    SIMPLE_WITH_TRANSACTION_MANAGER,
    SIMPLE_BATCHES,
    DIRECT_AUTO,
    DIRECT_MANUAL,
    DIRECT_NONE,
    DIRECT_TRANSACTED,
    DIRECT_WITH_TRANSACTION_MANAGER;

    AbstractMessageListenerContainer container(CachingConnectionFactory connections) {
      AbstractMessageListenerContainer container =
          name().startsWith("DIRECT")
              ? new DirectMessageListenerContainer(connections)
              : new SimpleMessageListenerContainer(connections);
      container.setAcknowledgeMode(
          name().contains("MANUAL")
              ? AcknowledgeMode.MANUAL
              : name().contains("NONE") ? AcknowledgeMode.NONE : AcknowledgeMode.AUTO);
      container.setChannelTransacted(name().contains("TRANSACT"));
      if (name().contains("MANAGER")) {
        container.setTransactionManager(new RabbitTransactionManager(connections));
      }
      if (container instanceof SimpleMessageListenerContainer simple && isBatches()) {
        simple.setConsumerBatchEnabled(true);
        // Batches of several tests whose listener acknowledges by itself are refused.
        simple.setBatchSize(isManual() ? 1 : 8);
        simple.setReceiveTimeout(30);
      }
      return container;
    }

    boolean isBatches() {
      return name().contains("BATCHES");
    }

    boolean isManual() {
      return name().contains("MANUAL");
    }
  }

  /** What the listener saw of a message. */
  private record Seen(
      String body,
      String queue,
      String exchange,
      String routingKey,
      boolean redelivered,
      Map<String, Object> headers,
      List<Object> properties) {

    static Seen of(Message message) {
      MessageProperties properties = message.getMessageProperties();
      return new Seen(
          new String(message.getBody(), StandardCharsets.UTF_8),
          Objects.requireNonNull(properties.getConsumerQueue()),
          Objects.requireNonNull(properties.getReceivedExchange()),
          Objects.requireNonNull(properties.getReceivedRoutingKey()),
          Boolean.TRUE.equals(properties.getRedelivered()),
          properties.getHeaders().entrySet().stream()
              .filter(header -> !header.getKey().equals(PutBackHeader.NAME))
              .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue)),
          java.util.Arrays.asList(
              properties.getContentType(),
              properties.getContentEncoding(),
              properties.getCorrelationId(),
              properties.getMessageId(),
              properties.getExpiration(),
              properties.getReceivedDeliveryMode(),
              properties.getPriority(),
              properties.getReplyTo(),
              properties.getType(),
              properties.getAppId(),
              properties.getReceivedUserId(),
              properties.getTimestamp(),
              properties.getRetryCount(),
              properties.getReceivedDelayLong()));
    }

    Seen again() {
      return new Seen(body, queue, exchange, routingKey, true, headers, properties);
    }
  }

  /** A queue, bound to a topic exchange, and the container that listens to it. */
  private final class Listening implements AutoCloseable {

    final String queue = "faults-" + UUID.randomUUID();
    final AbstractMessageListenerContainer container;
    private final Map<Sandbox, List<Seen>> seen = new ConcurrentHashMap<>();

    Listening(Mode mode, Consumer<AbstractMessageListenerContainer> settings) {
      broker.declareQueue(queue);
      broker.bind(queue, "amq.topic", "faults." + queue);
      container = mode.container(connections);
      container.setQueueNames(queue);
      container.setMessageListener(mode.isBatches() ? batches(mode) : single(mode));
      settings.accept(container);
      AmqpPropagation.wrap(container).afterPropertiesSet();
      container.start();
    }

    private ChannelAwareMessageListener single(Mode mode) {
      return (message, channel) -> handle(mode, message, Objects.requireNonNull(channel));
    }

    private ChannelAwareBatchMessageListener batches(Mode mode) {
      return (messages, channel) -> {
        for (Message message : messages) {
          handle(mode, message, Objects.requireNonNull(channel));
        }
      };
    }

    private void handle(Mode mode, Message message, Channel channel) {
      Work work = Objects.requireNonNull(Work.current());
      seen.computeIfAbsent(work.sandbox(), any -> new CopyOnWriteArrayList<>())
          .add(Seen.of(message));
      if (mode.isManual()) {
        try {
          channel.basicAck(message.getMessageProperties().getDeliveryTag(), false);
        } catch (IOException closed) {
          throw new UncheckedIOException(closed);
        }
      }
    }

    List<Seen> of(Sandbox sandbox) {
      return seen.getOrDefault(sandbox, List.of());
    }

    List<String> bodies(Sandbox sandbox) {
      return of(sandbox).stream().map(Seen::body).toList();
    }

    /** A test, which ends when so many messages have come and nothing is on its way any more. */
    Sandbox test(Consumer<Faults> faults, int expected) {
      Sandbox sandbox = open();
      try (Scope scope = sandbox.test().bind()) {
        faults.accept(sandbox.faults());
        // Over one channel, for their order.
        rabbit.invoke(
            channel -> {
              for (int i = 0; i < MESSAGES; i++) {
                channel.send("amq.topic", "faults." + queue, rich(i));
              }
              return null;
            });
        for (int i = 0; i < expected; i++) {
          assertReceive(received(queue), Duration.ofSeconds(5));
        }
      }
      run.end(sandbox, null);
      return sandbox;
    }

    /** One test with faults beside three without; what became of the first. */
    Sandbox disturb(Consumer<Faults> faults, int expected) throws Exception {
      Future<Sandbox> disturbed = tests.submit(() -> test(faults, expected));
      List<Future<Sandbox>> neighbours = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        neighbours.add(tests.submit(() -> test(none -> {}, MESSAGES)));
      }
      for (Future<Sandbox> neighbour : neighbours) {
        assertThat(bodies(neighbour.get(30, TimeUnit.SECONDS)))
            .containsExactly("0", "1", "2", "3", "4");
      }
      return disturbed.get(30, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
      container.stop();
      // The broker hears of the last acknowledgement on another connection than this question.
      await().untilAsserted(() -> assertThat(broker.messageCount(queue)).isZero());
      broker.deleteQueue(queue);
    }
  }

  private Sandbox open() {
    return run.open(
        Sandbox.Settings.of("FaultTests.test", Isolation.NONE, this)
            .withDrain(Duration.ofSeconds(20)));
  }

  private Message rich(int number) {
    return MessageBuilder.withBody(String.valueOf(number).getBytes(StandardCharsets.UTF_8))
        .setContentType("text/x-number")
        .setContentEncoding("utf-8")
        .setCorrelationId("correlation-" + number)
        .setMessageId(UUID.randomUUID().toString())
        .setExpiration(broker.longExpiration())
        .setDeliveryMode(MessageDeliveryMode.NON_PERSISTENT)
        .setPriority(3)
        .setReplyTo("nobody")
        .setType("rich")
        .setAppId("faults")
        .setTimestamp(new Date(1_700_000_000_000L))
        .setHeader("number", number)
        .setHeader("nested", Map.of("list", List.of("a", 1L), "flag", true))
        .setHeader("CC", List.of("nowhere"))
        .setHeader("x-delay", 7)
        .build();
  }

  private static io.sandpiper.Expectation number(Listening on, int number) {
    return received(on.queue).header("number", number);
  }

  @BeforeAll
  void wrap() {
    AmqpPropagation.wrap(connections);
  }

  @AfterAll
  void stop() {
    tests.shutdown();
    connections.destroy();
    broker.close();
  }

  @ParameterizedTest
  @EnumSource
  void each_fault_happens_to_its_own_test_only(Mode mode) throws Exception {
    try (Listening on = new Listening(mode, any -> {})) {
      Sandbox duplicated = on.disturb(faults -> faults.on(number(on, 2)).duplicate(3), 7);
      assertThat(on.bodies(duplicated)).hasSize(7).contains("0", "1", "3", "4");
      assertThat(on.of(duplicated)).filteredOn(seen -> seen.body().equals("2")).hasSize(3);
      assertThat(on.of(duplicated).stream().distinct()).hasSize(5);

      Sandbox delayed = on.disturb(faults -> faults.on(number(on, 2)).delay(LATER), 5);
      assertThat(on.bodies(delayed)).containsExactly("0", "1", "3", "4", "2");

      Sandbox dropped = on.disturb(faults -> faults.on(number(on, 2)).drop(), 4);
      assertThat(on.bodies(dropped)).containsExactly("0", "1", "3", "4");

      Sandbox redelivered = on.disturb(faults -> faults.on(number(on, 2)).redeliver(), 6);
      List<Seen> twice =
          on.of(redelivered).stream().filter(seen -> seen.body().equals("2")).toList();
      assertThat(twice).hasSize(2);
      assertThat(twice.get(0).redelivered()).isFalse();
      assertThat(twice.get(1)).isEqualTo(twice.get(0).again());
      assertThat(on.bodies(redelivered)).hasSize(6);

      Sandbox reordered = on.disturb(faults -> faults.on(received(on.queue)).reorder(), 5);
      assertThat(on.bodies(reordered)).hasSize(5).startsWith("1").contains("0");
      assertThat(reordered.journal().toString()).contains("fault: reorder()");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void consumers_of_the_client_itself_are_disturbed_too(boolean autoAck) throws Exception {
    String queue = "faults-" + UUID.randomUUID();
    broker.declareQueue(queue);
    List<String> seen = new CopyOnWriteArrayList<>();
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(broker.virtualHost().uri());
    try (Connection connection = AmqpPropagation.wrap(factory).newConnection()) {
      Channel channel = Objects.requireNonNull(connection.createChannel());
      channel.basicConsume(
          queue,
          autoAck,
          (tag, delivery) -> {
            Sandbox sandbox = Objects.requireNonNull(Work.current()).sandbox();
            seen.add(
                "%d %s %s %s %s"
                    .formatted(
                        sandbox.id().sequence(),
                        new String(delivery.getBody(), StandardCharsets.UTF_8),
                        delivery.getEnvelope().getRoutingKey().equals(queue),
                        delivery.getEnvelope().isRedeliver(),
                        delivery.getProperties().getHeaders().containsKey(PutBackHeader.NAME)));
            if (!autoAck) {
              channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
            }
          },
          tag -> {});
      Sandbox mine = open();
      Sandbox neighbour = open();
      mine.faults().on(received(queue).header("number", 1)).redeliver();
      mine.faults().on(received(queue).header("number", 0)).delay(LATER);
      for (int i = 0; i < 2; i++) {
        for (Sandbox sandbox : List.of(mine, neighbour)) {
          try (Scope scope = sandbox.test().bind()) {
            rabbit.send("", queue, rich(i));
          }
        }
      }
      for (Sandbox sandbox : List.of(mine, mine, mine, neighbour, neighbour)) {
        try (Scope scope = sandbox.test().bind()) {
          assertReceive(received(queue), Duration.ofSeconds(5));
        }
      }
      run.end(mine, null);
      run.end(neighbour, null);

      long number = mine.id().sequence();
      long other = neighbour.id().sequence();
      assertThat(seen)
          .containsExactlyInAnyOrder(
              number + " 1 true false false",
              number + " 1 true true false",
              number + " 0 true false false",
              other + " 0 true false false",
              other + " 1 true false false");
    }
    broker.deleteQueue(queue);
  }

  @Test
  void the_end_of_a_test_waits_for_what_a_fault_holds_back() {
    try (Listening on = new Listening(Mode.SIMPLE_AUTO, any -> {})) {
      Sandbox sandbox = open();
      try (Scope scope = sandbox.test().bind()) {
        sandbox.faults().on(number(on, 1)).delay(LATER);
        rabbit.send("", on.queue, rich(1));
        assertEventually(
            () -> assertThat(sandbox.journal().toString()).contains("fault: delay(PT0.15S) of"));
      }
      run.end(sandbox, null);

      assertThat(on.bodies(sandbox)).containsExactly("1");
    }
  }

  @Test
  void the_post_processors_of_the_application_see_each_delivery_as_it_was() {
    List<Seen> processed = new CopyOnWriteArrayList<>();
    try (Listening on =
        new Listening(
            Mode.SIMPLE_AUTO,
            container ->
                container.setAfterReceivePostProcessors(
                    message -> {
                      processed.add(Seen.of(message));
                      return MessageBuilder.withBody(
                              ("decoded " + new String(message.getBody(), StandardCharsets.UTF_8))
                                  .getBytes(StandardCharsets.UTF_8))
                          .andProperties(message.getMessageProperties())
                          .build();
                    }))) {
      Sandbox sandbox = on.test(faults -> faults.on(number(on, 2)).delay(LATER), 5);

      assertThat(on.bodies(sandbox))
          .containsExactly("decoded 0", "decoded 1", "decoded 3", "decoded 4", "decoded 2");
      assertThat(processed).hasSize(6);
      assertThat(processed.get(5)).isEqualTo(processed.get(2));
    }
  }

  @Test
  void a_message_whose_queue_has_gone_is_lost_and_the_timeline_says_so() {
    Listening on = new Listening(Mode.SIMPLE_AUTO, any -> {});
    Sandbox sandbox = open();
    try (Scope scope = sandbox.test().bind()) {
      sandbox.faults().on(number(on, 0)).delay(Duration.ofSeconds(1));
      rabbit.send("amq.topic", "faults." + on.queue, rich(0));
      assertEventually(() -> assertThat(sandbox.journal().toString()).contains("fault: delay"));
      broker.deleteQueue(on.queue);
    }
    run.end(sandbox, null);
    on.container.stop();

    assertThat(on.of(sandbox)).isEmpty();
    assertThat(sandbox.journal().toString()).contains("was not put back: no queue is there");
  }
}
