package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.rabbitmq.client.Channel;
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
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.amqp.AmqpRejectAndDontRequeueException;
import org.springframework.amqp.core.AcknowledgeMode;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitAdmin;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;
import org.springframework.amqp.rabbit.listener.api.ChannelAwareBatchMessageListener;
import org.springframework.amqp.rabbit.transaction.RabbitTransactionManager;

/**
 * Batches that are known to mix two tests and nobody's messages, in plain Spring AMQP without Boot:
 * all messages are there before the container starts.
 */
class MixedBatchTests {

  private final String queue = "mixed." + UUID.randomUUID();
  private final Run run = Run.ofThisJvm();
  private final Sandbox a = open("a");
  private final Sandbox b = open("b");
  private final List<String> calls = new CopyOnWriteArrayList<>();
  private final Map<String, RuntimeException> failures = new ConcurrentHashMap<>();
  private final CountDownLatch last = new CountDownLatch(1);

  private CachingConnectionFactory connections;
  private RabbitTemplate rabbit;
  private RabbitAdmin admin;
  private @Nullable SimpleMessageListenerContainer container;

  private Sandbox open(String name) {
    return run.open(Sandbox.Settings.of(name, Isolation.NONE, this));
  }

  @BeforeEach
  void connect() {
    VirtualHost virtualHost =
        run.shared(BrokerServer.class, () -> BrokerServer.start(MixedBatchTests::setting))
            .createVirtualHost(queue);
    connections = new CachingConnectionFactory(virtualHost.host(), virtualHost.port());
    connections.setUsername(virtualHost.user());
    connections.setPassword(virtualHost.password());
    connections.setVirtualHost(virtualHost.name());
    AmqpPropagation.wrap(connections);
    rabbit = new RabbitTemplate(connections);
    admin = new RabbitAdmin(connections);
    admin.declareQueue(new Queue(queue));
  }

  private static @Nullable String setting(String name) {
    String url = System.getenv("SANDPIPER_RABBIT_URL");
    String unless =
        name.equals("sandpiper.rabbit.url")
            ? url
            : name.equals("sandpiper.rabbit.server") && url == null ? "embedded" : null;
    return System.getProperty(name, unless);
  }

  @AfterEach
  void disconnect() {
    if (container != null) {
      container.destroy();
    }
    admin.deleteQueue(queue);
    connections.destroy();
  }

  private void send(@Nullable Sandbox sandbox, String text) {
    try (Scope scope = sandbox == null ? Scope.open(null, "nobody") : sandbox.test().bind()) {
      rabbit.convertAndSend(queue, text);
    }
  }

  private void send() {
    send(a, "a1");
    send(b, "b1");
    send(null, "n1");
    send(a, "a2");
    send(b, "b2");
  }

  private SimpleMessageListenerContainer container() {
    SimpleMessageListenerContainer made = new SimpleMessageListenerContainer(connections);
    made.setQueueNames(queue);
    made.setBatchSize(5);
    made.setConsumerBatchEnabled(true);
    made.setReceiveTimeout(200);
    made.setMessageListener((ChannelAwareBatchMessageListener) this::handle);
    container = made;
    return made;
  }

  private void start(SimpleMessageListenerContainer made) {
    AmqpPropagation.wrap(made);
    made.afterPropertiesSet();
    made.start();
  }

  private void handle(List<Message> messages, @Nullable Channel channel) {
    Work work = Work.current();
    List<String> texts =
        messages.stream().map(m -> new String(m.getBody(), StandardCharsets.UTF_8)).toList();
    calls.add((work == null ? "none" : work.sandbox().testName()) + texts);
    if (texts.contains("end")) {
      last.countDown();
    }
    RuntimeException failure = failures.remove(texts.get(0));
    if (failure != null) {
      throw failure;
    }
  }

  /** Waits until all that was sent before, and what came of it, has been handled. */
  private void awaitTheEnd(long handled) throws InterruptedException {
    await().atMost(Duration.ofSeconds(20)).until(() -> calls.size() >= handled);
    send(null, "end");
    assertThat(last.await(20, TimeUnit.SECONDS)).isTrue();
    Objects.requireNonNull(container).stop();
    assertThat(Objects.requireNonNull(admin.getQueueInfo(queue)).getMessageCount()).isZero();
  }

  private static void acknowledge(Message upTo, Channel channel) {
    try {
      channel.basicAck(upTo.getMessageProperties().getDeliveryTag(), true);
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  private void transactions(SimpleMessageListenerContainer made, String how) {
    switch (how) {
      case "a channel's transactions" -> made.setChannelTransacted(true);
      case "a transaction manager" -> {
        made.setChannelTransacted(true);
        made.setTransactionManager(new RabbitTransactionManager(connections));
      }
      default -> {}
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"no transactions", "a channel's transactions", "a transaction manager"})
  void each_test_gets_its_own_part_in_the_order_of_the_batch(String how) throws Exception {
    send();
    SimpleMessageListenerContainer made = container();
    transactions(made, how);
    start(made);

    awaitTheEnd(3);
    run.end(a, null);
    run.end(b, null);
    assertThat(calls).containsExactlyInAnyOrder("a[a1, a2]", "b[b1, b2]", "none[n1]", "none[end]");
  }

  @Test
  void a_part_that_was_handled_is_not_handled_again_when_another_is_requeued() throws Exception {
    requeue_some_and_handle_the_others_once("no transactions");
  }

  /** The embedded broker delivers all again that was not acknowledged when a channel rolls back. */
  @ParameterizedTest
  @ValueSource(strings = {"a channel's transactions", "a transaction manager"})
  @ExtendWith(NeedsRabbitMq.class)
  void a_part_that_is_requeued_in_a_transaction_takes_no_other_with_it(String how)
      throws Exception {
    requeue_some_and_handle_the_others_once(how);
  }

  private void requeue_some_and_handle_the_others_once(String how) throws Exception {
    send();
    failures.put("a1", new IllegalStateException("once"));
    failures.put("b1", new IllegalStateException("once"));
    SimpleMessageListenerContainer made = container();
    transactions(made, how);
    start(made);

    awaitTheEnd(5);
    end(a, "once");
    end(b, "once");
    List<String> own = new ArrayList<>(calls);
    own.removeIf(call -> !call.startsWith("none"));
    assertThat(own).containsExactlyInAnyOrder("none[n1]", "none[end]");
    assertThat(String.join("", calls)).containsOnlyOnce("n1");
    assertThat(count("a1")).isEqualTo(2);
    assertThat(count("b2")).isEqualTo(2);
  }

  private long count(String text) {
    return calls.stream().filter(call -> call.contains(text)).count();
  }

  @Test
  void a_part_that_is_rejected_takes_no_other_with_it() throws Exception {
    reject_one_and_handle_the_others("no transactions");
  }

  /** As above. */
  @ParameterizedTest
  @ValueSource(strings = {"a channel's transactions", "a transaction manager"})
  @ExtendWith(NeedsRabbitMq.class)
  void a_part_that_is_rejected_in_a_transaction_takes_no_other_with_it(String how)
      throws Exception {
    reject_one_and_handle_the_others(how);
  }

  private void reject_one_and_handle_the_others(String how) throws Exception {
    send();
    failures.put("a1", new AmqpRejectAndDontRequeueException("never"));
    SimpleMessageListenerContainer made = container();
    transactions(made, how);
    start(made);

    awaitTheEnd(3);
    end(a, "never");
    run.end(b, null);
    assertThat(calls).containsExactlyInAnyOrder("a[a1, a2]", "b[b1, b2]", "none[n1]", "none[end]");
  }

  private void end(Sandbox sandbox, String failure) {
    // Retried work that succeeded in the end is no failure of its test.
    try {
      run.end(sandbox, null);
    } catch (AssertionError failed) {
      assertThat(failed).hasMessageContaining(failure);
    }
  }

  @Test
  void what_is_refused_of_a_batch_is_acknowledged_whatever_becomes_of_the_rest() throws Exception {
    send(a, "a1");
    send(b, "b1");
    send(a, "a2");
    run.end(a, null);
    failures.put("b1", new IllegalStateException("once"));
    start(container());

    awaitTheEnd(2);
    end(b, "once");
    assertThat(calls).containsExactly("b[b1]", "b[b1]", "none[end]");
  }

  @Test
  void the_error_handler_runs_in_the_scope_of_the_part_that_failed() throws Exception {
    send();
    failures.put("a1", new IllegalStateException("of a"));
    failures.put("b1", new IllegalStateException("of b"));
    List<String> handled = new CopyOnWriteArrayList<>();
    SimpleMessageListenerContainer made = container();
    made.setDefaultRequeueRejected(false);
    made.setErrorHandler(
        failure ->
            handled.add(
                Sandbox.current().testName()
                    + " "
                    + Objects.requireNonNull(failure.getCause()).getMessage()));
    start(made);

    awaitTheEnd(3);
    end(a, "of a");
    end(b, "of b");
    assertThat(handled).containsExactlyInAnyOrder("a of a", "b of b");
  }

  @Test
  void a_batch_that_its_listener_acknowledges_is_refused_once_where_it_mixes_tests()
      throws Exception {
    send();
    SimpleMessageListenerContainer made = container();
    made.setAcknowledgeMode(AcknowledgeMode.MANUAL);
    made.setMessageListener(
        (ChannelAwareBatchMessageListener)
            (messages, channel) -> {
              handle(messages, channel);
              acknowledge(messages.get(messages.size() - 1), Objects.requireNonNull(channel));
            });
    start(made);

    awaitTheEnd(0);
    assertThat(calls).containsExactly("none[end]");
    for (Sandbox sandbox : List.of(a, b)) {
      assertThatThrownBy(() -> run.end(sandbox, null))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("holds messages of a, b, no test")
          .hasMessageContaining("batch size to 1");
    }
  }
}
