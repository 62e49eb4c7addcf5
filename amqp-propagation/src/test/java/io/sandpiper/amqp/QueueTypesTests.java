package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.amqp.core.MessageListener;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.core.QueueBuilder;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitAdmin;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;

/** Quorum queues and streams, which only RabbitMQ has. */
@ExtendWith(NeedsRabbitMq.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class QueueTypesTests {

  private static final int TESTS = 8;
  private static final int MESSAGES = 20;

  private final Run run = Run.create();
  private final TestBroker broker = new TestBroker();
  private final CachingConnectionFactory connections = connections();
  private final RabbitTemplate rabbit = new RabbitTemplate(connections);
  private final ExecutorService threads = Executors.newFixedThreadPool(TESTS);

  private CachingConnectionFactory connections() {
    CachingConnectionFactory factory = new CachingConnectionFactory();
    factory.setUri(broker.virtualHost().uri());
    ClientHooks.install(factory.getRabbitConnectionFactory(), run);
    return factory;
  }

  @AfterAll
  void stop() {
    threads.shutdown();
    connections.destroy();
    broker.close();
  }

  /** A queue of a type, consumed by a listener; deleted afterwards. */
  private final class Listening implements AutoCloseable {

    private final RabbitAdmin admin = new RabbitAdmin(connections);
    private final SimpleMessageListenerContainer container =
        new SimpleMessageListenerContainer(connections);
    final String queue;

    Listening(String type, MessageListener listener) {
      Queue declared =
          QueueBuilder.durable(TestBroker.prefix() + type)
              .withArgument("x-queue-type", type)
              .build();
      admin.declareQueue(declared);
      queue = declared.getName();
      container.setQueueNames(queue);
      container.setPrefetchCount(10);
      container.setReceiveTimeout(20);
      if (type.equals("stream")) {
        container.setConsumerArguments(Map.of("x-stream-offset", "first"));
      } else {
        container.setConcurrentConsumers(3);
      }
      container.setMessageListener(listener);
      ListenerAdvice.install(container, run);
      container.afterPropertiesSet();
      container.start();
    }

    @Override
    public void close() {
      container.destroy();
      admin.deleteQueue(queue);
    }
  }

  private Sandbox open() {
    return run.open(
        Sandbox.Settings.of("T.sends", Isolation.NONE, this).withDrain(Duration.ofSeconds(30)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"quorum", "stream"})
  void tests_that_run_at_once_get_their_own_messages(String type) throws Exception {
    try (Listening on = new Listening(type, message -> {})) {
      List<Future<Set<String>>> tests = new ArrayList<>();
      for (int i = 0; i < TESTS; i++) {
        tests.add(threads.submit(() -> sendAndReceive(on.queue)));
      }
      for (Future<Set<String>> test : tests) {
        assertThat(test.get(60, TimeUnit.SECONDS)).isEmpty();
      }
    }
  }

  /** Returns what was not received, and what was and is another's. */
  private Set<String> sendAndReceive(String queue) {
    Sandbox sandbox = open();
    Set<String> open = ConcurrentHashMap.newKeySet();
    try (Scope scope = sandbox.test().bind()) {
      for (int i = 0; i < MESSAGES; i++) {
        String body = sandbox.id() + " " + i;
        open.add(body);
        rabbit.convertAndSend(queue, body);
      }
      for (int i = 0; i < MESSAGES; i++) {
        String body = assertReceive(received(queue), Duration.ofSeconds(20)).text();
        if (!open.remove(body)) {
          open.add("not mine: " + body);
        }
      }
    }
    run.end(sandbox, null);
    return open;
  }

  @Test
  void a_message_of_a_quorum_queue_that_is_redelivered_stays_with_its_test_and_is_forgiven() {
    List<String> attempts = new CopyOnWriteArrayList<>();
    MessageListener failsOnce =
        message -> {
          String body = new String(message.getBody(), StandardCharsets.UTF_8);
          attempts.add(Sandbox.current().id() + " " + body);
          if (!Boolean.TRUE.equals(message.getMessageProperties().getRedelivered())) {
            throw new IllegalStateException("cannot handle it yet");
          }
        };
    try (Listening on = new Listening("quorum", failsOnce)) {
      Sandbox one = open();
      Sandbox two = open();
      for (Sandbox sandbox : List.of(one, two)) {
        try (Scope scope = sandbox.test().bind()) {
          rabbit.convertAndSend(on.queue, "of " + sandbox.id());
        }
      }
      run.end(one, null);
      run.end(two, null);
      String ofOne = "%1$s of %1$s".formatted(one.id());
      String ofTwo = "%1$s of %1$s".formatted(two.id());
      assertThat(attempts).containsExactlyInAnyOrder(ofOne, ofOne, ofTwo, ofTwo);
    }
  }

  @Test
  void what_a_stream_keeps_of_ended_tests_is_late_for_whoever_reads_it_again() {
    Sandbox ended = open();
    List<String> handled = new CopyOnWriteArrayList<>();
    try (Listening first = new Listening("stream", message -> {})) {
      try (Scope scope = ended.test().bind()) {
        rabbit.convertAndSend(first.queue, "old");
        assertReceive(received(first.queue), Duration.ofSeconds(20));
      }
      run.end(ended, null);
      long late = run.refusals(Refusal.Reason.LATE);

      SimpleMessageListenerContainer again = new SimpleMessageListenerContainer(connections);
      again.setQueueNames(first.queue);
      again.setPrefetchCount(10);
      again.setConsumerArguments(Map.of("x-stream-offset", "first"));
      again.setMessageListener(
          message -> handled.add(new String(message.getBody(), StandardCharsets.UTF_8)));
      ListenerAdvice.install(again, run);
      again.afterPropertiesSet();
      again.start();
      Sandbox waiter = open();
      try (Scope scope = waiter.test().bind()) {
        rabbit.convertAndSend(first.queue, "new");
        assertEventually(() -> assertThat(handled).containsExactly("new"), Duration.ofSeconds(20));
        assertEventually(() -> assertThat(run.refusals(Refusal.Reason.LATE)).isEqualTo(late + 1));
      } finally {
        again.destroy();
      }
      run.end(waiter, null);
    }
  }
}
