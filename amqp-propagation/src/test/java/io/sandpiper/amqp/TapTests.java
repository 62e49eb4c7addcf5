package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Refusal;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.context.ConfigurableApplicationContext;

/** What a worker publishes to exchanges that nobody here consumes. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TapTests {

  private static final Duration DEADLINE = Duration.ofSeconds(10);

  private final Run run = Run.ofThisJvm();
  private final TestBroker broker = new TestBroker();
  private final CachingConnectionFactory connections = broker.connections();
  private final RabbitTemplate rabbit = new RabbitTemplate(connections);
  private final String requests = "requests-" + UUID.randomUUID();
  private final String topic = "events-" + UUID.randomUUID();
  private final String fanout = "all-" + UUID.randomUUID();
  private final String direct = "direct-" + UUID.randomUUID();
  private final Connection worker;

  TapTests() throws Exception {
    ConnectionFactory own = new ConnectionFactory();
    own.setUri(broker.virtualHost().uri());
    worker = own.newConnection("worker");
  }

  /** Answers each request with two events that carry nothing but what the worker copies. */
  @BeforeAll
  void start() throws Exception {
    Channel channel = worker.createChannel();
    channel.exchangeDeclare(topic, "topic", false, true, null);
    channel.exchangeDeclare(fanout, "fanout", false, true, null);
    channel.exchangeDeclare(direct, "direct", false, true, null);
    channel.queueDeclare(requests, false, true, true, null);
    channel.basicConsume(
        requests,
        true,
        (tag, request) -> {
          AMQP.BasicProperties copied =
              new AMQP.BasicProperties.Builder()
                  .headers(request.getProperties().getHeaders())
                  .build();
          channel.basicPublish(topic, "scored.good", copied, request.getBody());
          channel.basicPublish(
              fanout,
              "",
              new AMQP.BasicProperties.Builder()
                  .correlationId(request.getProperties().getMessageId())
                  .build(),
              request.getBody());
          channel.basicPublish(direct, "wanted", copied, request.getBody());
          channel.basicPublish(direct, "other", copied, request.getBody());
        },
        tag -> {});
    AmqpPropagation.wrap(connections);
    AmqpPropagation.tap(connections, topic, fanout, direct + ":wanted");
    AmqpPropagation.tap(connections, topic);
  }

  @AfterAll
  void stop() throws Exception {
    worker.close();
    connections.destroy();
    broker.close();
  }

  private Sandbox open() {
    return run.open(Sandbox.Settings.of("TapTests.test", Isolation.NONE, this));
  }

  private void asks_and_hears_of_itself_only(String text) {
    Sandbox sandbox = open();
    try (Scope scope = sandbox.test().bind()) {
      rabbit.convertAndSend(requests, text);

      Hop event = assertReceive(received(topic, "scored.good"), DEADLINE);
      assertThat(event.text()).isEqualTo(text);
      assertThat(event.address()).isEqualTo("tap of " + topic);
      assertThat(assertReceive(received("tap of " + fanout), DEADLINE).text()).isEqualTo(text);
      assertThat(assertReceive(received(direct, "wanted"), DEADLINE).text()).isEqualTo(text);
      refuteReceive(received(topic, "scored.good"), Duration.ofMillis(20));
      refuteReceive(received(direct, "other"), Duration.ofMillis(20));
    }
    run.end(sandbox, null);
  }

  @Test
  void each_test_sees_what_the_worker_publishes_for_it_once() throws Exception {
    ExecutorService tests = Executors.newFixedThreadPool(8);
    try {
      List<Future<?>> running = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        String text = "text " + i;
        running.add(tests.submit(() -> asks_and_hears_of_itself_only(text)));
      }
      for (Future<?> test : running) {
        test.get(60, TimeUnit.SECONDS);
      }
    } finally {
      tests.shutdown();
    }
  }

  @Test
  void what_a_test_publishes_itself_is_seen_and_answers_nothing() {
    Sandbox sandbox = open();
    try (Scope scope = sandbox.test().bind()) {
      rabbit.convertAndSend(
          topic,
          "own",
          "text",
          message -> {
            message.getMessageProperties().setCorrelationId("own-" + UUID.randomUUID());
            return message;
          });

      assertReceive(received(topic, "own"), DEADLINE);
      assertThatThrownBy(() -> assertReceive(received("nothing"), Duration.ofMillis(1)))
          .hasMessageContaining("Outstanding: #1");
    }
    run.end(sandbox, null);
  }

  @Test
  void messages_of_nobody_are_passed_over_quietly() throws Exception {
    Sandbox sandbox = open();
    String ended = sandbox.id().value();
    run.end(sandbox, null);
    long late = run.refusals(Refusal.Reason.LATE);
    Channel channel = worker.createChannel();

    channel.basicPublish(topic, "late", headers(ended), text("late"));
    channel.basicPublish(topic, "none", null, text("none"));
    channel.basicPublish(topic, "malformed", headers("sp1.no id"), text("malformed"));

    asks_and_hears_of_itself_only("after them");
    assertThat(run.refusals(Refusal.Reason.LATE)).isEqualTo(late);
  }

  @Test
  void an_exchange_that_is_not_there_is_an_error_that_names_it() {
    assertThatIllegalStateException()
        .isThrownBy(() -> AmqpPropagation.tap(connections, "no-such-exchange"))
        .withMessageContainingAll(
            "Exchange \"no-such-exchange\"", "Declare it", "sandpiper.amqp.taps");

    asks_and_hears_of_itself_only("the others work on");
  }

  @Test
  void a_context_opens_the_taps_of_its_settings() {
    String uri = broker.virtualHost().uri();
    try (ConfigurableApplicationContext context =
        StrayApplication.start(uri, "--sandpiper.amqp.taps=" + fanout + ",amq.topic:tapped.#")) {
      Sandbox sandbox = open();
      try (Scope scope = sandbox.test().bind()) {
        context.getBean(RabbitTemplate.class).convertAndSend("amq.topic", "other", "not seen");
        context.getBean(RabbitTemplate.class).convertAndSend("amq.topic", "tapped.one", "seen");

        assertThat(assertReceive(received("tap of amq.topic"), DEADLINE).text()).isEqualTo("seen");
      }
      run.end(sandbox, null);
    }
    assertThatThrownBy(() -> StrayApplication.start(uri, "--sandpiper.amqp.taps=no-such-exchange"))
        .hasStackTraceContaining("Exchange \"no-such-exchange\" is to be tapped");
  }

  @Test
  void taps_are_written_as_exchange_and_binding_key() {
    assertThat(Tap.parse("events")).isEqualTo(new Tap("events", "#"));
    assertThat(Tap.parse(" events : scored.* ")).isEqualTo(new Tap("events", "scored.*"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Tap.parse(":key"))
        .withMessageContaining("default exchange");
  }

  private static AMQP.BasicProperties headers(String id) {
    return new AMQP.BasicProperties.Builder().headers(Map.of("x-test-id", id)).build();
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
