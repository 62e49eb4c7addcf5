package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.GetResponse;
import io.sandpiper.Faults;
import io.sandpiper.Sandbox;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageProperties;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitTemplate;

/** Faults of messages that the application fetches itself, with neighbours on the same queue. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PolledFaultTests {

  private static final Duration LATER = Duration.ofMillis(150);
  private static final int NEIGHBOURS = 2;
  private static final int MESSAGES = 3;

  private RawClient client;
  private CachingConnectionFactory connections;
  private ExecutorService tests;

  /** What is seen of a message. */
  record Seen(
      String text, boolean redelivered, String exchange, String key, Map<String, Object> headers) {

    static Seen of(GetResponse got) {
      return new Seen(
          RawConsumerTests.text(got.getBody()),
          got.getEnvelope().isRedeliver(),
          got.getEnvelope().getExchange(),
          got.getEnvelope().getRoutingKey(),
          Map.copyOf(got.getProps().getHeaders()));
    }

    static Seen of(Message message) {
      MessageProperties properties = message.getMessageProperties();
      return new Seen(
          RawConsumerTests.text(message.getBody()),
          Boolean.TRUE.equals(properties.getRedelivered()),
          String.valueOf(properties.getReceivedExchange()),
          String.valueOf(properties.getReceivedRoutingKey()),
          Map.copyOf(properties.getHeaders()));
    }
  }

  /** How a test asks for its next message. */
  enum Way {
    GET_ACKNOWLEDGED {
      @Override
      @Nullable Seen next(RabbitTemplate rabbit, String queue) {
        return rabbit.execute(channel -> get(channel, queue, true));
      }
    },
    GET {
      @Override
      @Nullable Seen next(RabbitTemplate rabbit, String queue) {
        return rabbit.execute(channel -> get(channel, queue, false));
      }
    },
    RECEIVE {
      @Override
      @Nullable Seen next(RabbitTemplate rabbit, String queue) {
        Message message = rabbit.receive(queue);
        return message == null ? null : Seen.of(message);
      }
    },
    RECEIVE_WITH_A_TIMEOUT {
      @Override
      @Nullable Seen next(RabbitTemplate rabbit, String queue) {
        Message message = rabbit.receive(queue, 2_000);
        return message == null ? null : Seen.of(message);
      }
    };

    abstract @Nullable Seen next(RabbitTemplate rabbit, String queue);

    private static @Nullable Seen get(Channel channel, String queue, boolean autoAck)
        throws IOException {
      GetResponse got = channel.basicGet(queue, autoAck);
      if (got == null) {
        return null;
      }
      if (!autoAck) {
        channel.basicAck(got.getEnvelope().getDeliveryTag(), false);
      }
      return Seen.of(got);
    }
  }

  @BeforeAll
  void start() throws Exception {
    client = RawClient.start();
    connections = new CachingConnectionFactory(client.factory());
    AmqpPropagation.wrap(connections);
    tests = Executors.newFixedThreadPool(1 + NEIGHBOURS);
  }

  @AfterAll
  void stop() throws Exception {
    tests.shutdownNow();
    connections.destroy();
    client.close();
  }

  @ParameterizedTest
  @EnumSource
  void each_fault_happens_to_its_own_test_only(Way way) throws Exception {
    assertThat(texts(disturb(way, 5, (faults, queue) -> second(faults, queue).duplicate(3))))
        .containsExactlyInAnyOrder("0", "1", "1", "1", "2");
    assertThat(texts(disturb(way, 3, (faults, queue) -> second(faults, queue).delay(LATER))))
        .containsExactlyInAnyOrder("0", "1", "2");
    assertThat(texts(disturb(way, 2, (faults, queue) -> second(faults, queue).drop())))
        .containsExactlyInAnyOrder("0", "2");
    assertThat(texts(disturb(way, 3, (faults, queue) -> faults.on(received(queue)).reorder())))
        .containsExactlyInAnyOrder("0", "1", "2");
  }

  @ParameterizedTest
  @EnumSource
  void what_is_put_back_looks_as_it_did(Way way) throws Exception {
    List<Seen> twice =
        disturb(way, 4, (faults, queue) -> second(faults, queue).redeliver()).stream()
            .filter(seen -> seen.text().equals("1"))
            .toList();

    assertThat(twice).hasSize(2);
    Seen first = twice.get(0);
    Seen again = twice.get(1);
    assertThat(again.redelivered()).isTrue();
    assertThat(again.exchange()).isEqualTo("amq.topic").isEqualTo(first.exchange());
    assertThat(again.key()).startsWith("raw.").isEqualTo(first.key());
    assertThat(again.headers())
        .isEqualTo(first.headers())
        .containsOnlyKeys("x-test-id", "number", "x-delay");
  }

  private static Faults.Fault second(Faults faults, String queue) {
    return faults.on(received(queue).header("number", 1));
  }

  private static List<String> texts(List<Seen> seen) {
    return seen.stream().map(Seen::text).toList();
  }

  /** What a test gets that asks for a fault, beside others that ask for none. */
  private List<Seen> disturb(Way way, int expected, BiConsumer<Faults, String> fault)
      throws Exception {
    String queue = client.queue();
    try (Channel channel = client.outside()) {
      channel.queueBind(queue, "amq.topic", queue);
    }
    Future<List<Seen>> disturbed = tests.submit(() -> poll(way, queue, expected, fault));
    List<Future<List<Seen>>> neighbours = new ArrayList<>();
    for (int i = 0; i < NEIGHBOURS; i++) {
      neighbours.add(tests.submit(() -> poll(way, queue, MESSAGES, (none, any) -> {})));
    }
    for (Future<List<Seen>> neighbour : neighbours) {
      assertThat(texts(neighbour.get(60, TimeUnit.SECONDS)))
          .containsExactlyInAnyOrder("0", "1", "2");
    }
    List<Seen> all = disturbed.get(60, TimeUnit.SECONDS);
    await().pollInSameThread().until(() -> client.ready(queue) == 0);
    return all;
  }

  /** A test from its beginning to its end, which waits for what is still on its way. */
  private List<Seen> poll(Way way, String queue, int expected, BiConsumer<Faults, String> fault)
      throws Exception {
    Sandbox sandbox = RawClient.sandbox("T.polls");
    try {
      fault.accept(sandbox.faults(), queue);
      for (int number = 0; number < MESSAGES; number++) {
        publish(queue, sandbox, number);
      }
      RabbitTemplate rabbit = new RabbitTemplate(connections);
      List<Seen> seen = new ArrayList<>();
      RawClient.as(
          sandbox,
          () ->
              await()
                  .pollInSameThread()
                  .pollInterval(Duration.ofMillis(5))
                  .atMost(Duration.ofSeconds(30))
                  .until(
                      () -> {
                        Seen next = way.next(rabbit, queue);
                        if (next != null) {
                          seen.add(next);
                        }
                        return seen.size() == expected;
                      }));
      return seen;
    } finally {
      RawClient.end(sandbox);
    }
  }

  private void publish(String queue, Sandbox sandbox, int number) throws Exception {
    try (Channel channel = client.outside()) {
      channel.confirmSelect();
      channel.basicPublish(
          "amq.topic",
          queue,
          new AMQP.BasicProperties.Builder()
              .headers(Map.of("x-test-id", sandbox.id().value(), "number", number, "x-delay", 7))
              .build(),
          String.valueOf(number).getBytes(StandardCharsets.UTF_8));
      channel.waitForConfirmsOrDie(30_000);
    }
  }
}
