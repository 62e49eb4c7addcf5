package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.DefaultConsumer;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.context.Scope;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.springframework.amqp.AmqpRejectAndDontRequeueException;
import org.springframework.amqp.core.BindingBuilder;
import org.springframework.amqp.core.FanoutExchange;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageListener;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.core.QueueBuilder;
import org.springframework.amqp.core.TopicExchange;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitAdmin;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.SimpleMessageListenerContainer;
import org.springframework.amqp.rabbit.transaction.RabbitTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** What the end of a test waits for while messages are on their way; two tests at a time. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
class InTransitTests {

  private static final Duration DRAIN = Duration.ofSeconds(40);
  private static final Duration AT_ONCE = Duration.ofSeconds(20);

  private final Run run = Run.create();
  private final TestBroker broker = new TestBroker();
  private final CachingConnectionFactory connections = connections(true);
  private final RabbitTemplate template = new RabbitTemplate(connections);
  private final RabbitAdmin admin = new RabbitAdmin(connections);
  private final List<SimpleMessageListenerContainer> containers = new ArrayList<>();
  private String prefix = "";
  private List<Sandbox> sandboxes = List.of();

  private CachingConnectionFactory connections(boolean followed) {
    CachingConnectionFactory factory = new CachingConnectionFactory();
    factory.setUri(broker.virtualHost().uri());
    if (followed) {
      ClientHooks.install(factory.getRabbitConnectionFactory(), run);
    }
    return factory;
  }

  @BeforeEach
  void open() {
    prefix = TestBroker.prefix();
    sandboxes = List.of(sandbox(), sandbox());
  }

  private Sandbox sandbox() {
    return run.open(Sandbox.Settings.of("T.sends", Isolation.NONE, this).withDrain(DRAIN));
  }

  @AfterEach
  void stopListeners() {
    containers.forEach(SimpleMessageListenerContainer::destroy);
    containers.clear();
  }

  @AfterAll
  void stop() {
    connections.destroy();
    broker.close();
  }

  private String name(String name) {
    return prefix + name;
  }

  private String queue(String name) {
    return declare(QueueBuilder.nonDurable(name(name)).build());
  }

  private String declare(Queue queue) {
    admin.declareQueue(queue);
    return queue.getName();
  }

  private void bind(String queue, TopicExchange exchange, String pattern) {
    admin.declareBinding(BindingBuilder.bind(new Queue(queue)).to(exchange).with(pattern));
  }

  private SimpleMessageListenerContainer listen(String queue, MessageListener listener) {
    return listen(queue, listener, container -> {});
  }

  private SimpleMessageListenerContainer listen(
      String queue, MessageListener listener, Consumer<SimpleMessageListenerContainer> settings) {
    SimpleMessageListenerContainer container = new SimpleMessageListenerContainer(connections);
    container.setQueueNames(queue);
    container.setConcurrentConsumers(2);
    container.setReceiveTimeout(20);
    container.setShutdownTimeout(10_000);
    container.setMessageListener(listener);
    settings.accept(container);
    ListenerAdvice.install(container, run);
    container.afterPropertiesSet();
    container.start();
    containers.add(container);
    return container;
  }

  private void inEach(Consumer<Sandbox> action) {
    for (Sandbox sandbox : sandboxes) {
      try (Scope scope = sandbox.test().bind()) {
        action.accept(sandbox);
      }
    }
  }

  private void send(String queue) {
    template.convertAndSend(queue, "text");
  }

  private void endAll() {
    for (Sandbox sandbox : sandboxes) {
      long start = System.nanoTime();
      run.end(sandbox, null);
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(AT_ONCE);
    }
  }

  private void endAllFailing(String text) {
    for (Sandbox sandbox : sandboxes) {
      long start = System.nanoTime();
      assertThatThrownBy(() -> run.end(sandbox, null))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining(text)
          // One message is one failure, however often it was tried.
          .hasNoSuppressedExceptions();
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(AT_ONCE);
    }
  }

  /** Each sandbox counts for itself. */
  private static final class Counts {

    private final Map<Sandbox, AtomicInteger> counts = new ConcurrentHashMap<>();

    int add(Sandbox sandbox, int number) {
      return counts.computeIfAbsent(sandbox, any -> new AtomicInteger()).addAndGet(number);
    }

    int of(Sandbox sandbox) {
      return add(sandbox, 0);
    }
  }

  @RepeatedTest(3)
  void the_end_waits_for_chains_of_listeners_through_exchanges() {
    TopicExchange topic = new TopicExchange(name("topic"), false, false);
    FanoutExchange fanout = new FanoutExchange(name("fanout"), false, false);
    admin.declareExchange(topic);
    admin.declareExchange(fanout);
    List<String> queues = List.of(queue("a"), queue("b"), queue("c"));
    bind(queues.get(0), topic, "one.*");
    bind(queues.get(1), topic, "one.#");
    bind(queues.get(2), topic, "two.#");
    admin.declareBinding(BindingBuilder.bind(new Queue(queues.get(0))).to(fanout));
    if (broker.isRabbit()) {
      admin.declareBinding(BindingBuilder.bind(topic).to(fanout));
    }
    Counts expected = new Counts();
    Counts handled = new Counts();
    Random random = new Random();
    Consumer<Integer> next =
        depth -> {
          Sandbox sandbox = Sandbox.current();
          if (depth == 0) {
            return;
          }
          switch (random.nextInt(broker.isRabbit() ? 4 : 3)) {
            case 0 -> {
              expected.add(sandbox, 2);
              template.convertAndSend(topic.getName(), "one.x", depth - 1);
            }
            case 1 -> {
              expected.add(sandbox, 1);
              template.convertAndSend(topic.getName(), "two", depth - 1);
            }
            case 2 -> {
              expected.add(sandbox, 1);
              template.convertAndSend(queues.get(1), depth - 1);
            }
            default -> {
              expected.add(sandbox, 2);
              template.convertAndSend(fanout.getName(), "two.y", depth - 1);
            }
          }
        };
    for (String queue : queues) {
      listen(
          queue,
          message -> {
            next.accept((Integer) template.getMessageConverter().fromMessage(message));
            handled.add(Sandbox.current(), 1);
          });
    }
    inEach(sandbox -> List.of(6, 6, 6).forEach(next));
    endAll();
    for (Sandbox sandbox : sandboxes) {
      assertThat(handled.of(sandbox)).isEqualTo(expected.of(sandbox)).isGreaterThan(17);
    }
  }

  @Test
  void a_message_to_a_queue_that_nobody_consumes_has_left_the_process() {
    String queue = queue("unconsumed");
    inEach(sandbox -> send(queue));
    endAll();
    assertThat(sandboxes)
        .allSatisfy(
            sandbox -> assertThat(sandbox.journal().toString()).contains("left the process"));
  }

  @Test
  void a_message_that_may_be_dropped_is_not_waited_for() throws Exception {
    String limited =
        declare(QueueBuilder.nonDurable(name("limited")).withArgument("x-max-length", 5).build());
    try (Connection connection = broker.factory(run).newConnection();
        Channel channel = connection.createChannel()) {
      consumeNothing(channel, limited);
      inEach(sandbox -> send(limited));
      String plain = queue("plain");
      consumeNothing(channel, plain);
      inEach(
          sandbox ->
              template.convertAndSend(
                  plain,
                  (Object) "text",
                  message -> {
                    message.getMessageProperties().setExpiration("60000");
                    return message;
                  }));
      endAll();
    }
  }

  /** A consumer that is given one message at a time and acknowledges none. */
  private static String consumeNothing(Channel channel, String queue) throws Exception {
    channel.basicQos(1);
    return channel.basicConsume(queue, false, new DefaultConsumer(channel));
  }

  @Test
  void a_queue_that_loses_its_last_consumer_is_not_waited_for() throws Exception {
    String queue = queue("left");
    try (Connection connection = broker.factory(run).newConnection();
        Channel channel = connection.createChannel()) {
      send(queue);
      String tag = consumeNothing(channel, queue);
      inEach(sandbox -> send(queue));
      channel.basicCancel(tag);
      endAll();
    }
    assertThat(sandboxes)
        .allSatisfy(
            sandbox ->
                assertThat(sandbox.journal().toString())
                    .contains("is left without a consumer in this JVM"));
  }

  @Test
  void a_message_that_is_returned_is_not_waited_for() throws Exception {
    TopicExchange topic = new TopicExchange(name("returning"), false, false);
    admin.declareExchange(topic);
    String queue = queue("unbound");
    bind(queue, topic, "key");
    listen(queue, message -> {});
    try (Connection others = broker.plainFactory().newConnection();
        Channel theirs = others.createChannel()) {
      theirs.queueUnbind(queue, topic.getName(), "key");
    }
    try (Connection connection = broker.factory(run).newConnection();
        Channel channel = connection.createChannel()) {
      for (Sandbox sandbox : sandboxes) {
        try (Scope scope = sandbox.test().bind()) {
          channel.basicPublish(topic.getName(), "key", true, null, new byte[0]);
        }
      }
      endAll();
    }
    assertThat(sandboxes)
        .allSatisfy(
            sandbox ->
                assertThat(sandbox.journal().toString()).contains("was returned by the broker"));
  }

  @Test
  void what_others_have_bound_is_waited_for_once_it_was_seen() throws Exception {
    String queue = queue("learned");
    try (Connection others = broker.plainFactory().newConnection();
        Channel theirs = others.createChannel()) {
      theirs.exchangeDeclare(name("theirs"), "direct");
      theirs.queueBind(queue, name("theirs"), "key");
    }
    Counts handled = new Counts();
    listen(queue, message -> handled.add(Sandbox.current(), 1));
    inEach(
        sandbox -> {
          template.convertAndSend(name("theirs"), "key", "first");
          assertReceive(received(queue), Duration.ofSeconds(20));
          template.convertAndSend(name("theirs"), "key", "second");
        });
    endAll();
    assertThat(sandboxes).allSatisfy(sandbox -> assertThat(handled.of(sandbox)).isEqualTo(2));
  }

  @RepeatedTest(3)
  void of_several_attempts_the_last_one_decides() {
    String queue = queue("retried");
    Counts attempts = new Counts();
    listen(
        queue,
        message -> {
          if (attempts.add(Sandbox.current(), 1) < 3) {
            throw new IllegalStateException("not yet");
          }
        });
    inEach(sandbox -> send(queue));
    endAll();
    assertThat(sandboxes).allSatisfy(sandbox -> assertThat(attempts.of(sandbox)).isEqualTo(3));
  }

  @RepeatedTest(3)
  void an_assertion_waits_for_the_last_attempt() {
    String queue = queue("awaited");
    Counts attempts = new Counts();
    listen(
        queue,
        message -> {
          if (attempts.add(Sandbox.current(), 1) < 3) {
            throw new IllegalStateException("not yet");
          }
        });
    inEach(sandbox -> send(queue));
    inEach(
        sandbox -> {
          assertReceive(received(queue), Duration.ofSeconds(30));
          assertThat(attempts.of(sandbox)).isEqualTo(3);
        });
    endAll();
  }

  @Test
  void a_message_that_always_fails_does_not_keep_a_test_from_ending() {
    String queue = queue("poisoned");
    Counts attempts = new Counts();
    listen(
        queue,
        message -> {
          attempts.add(Sandbox.current(), 1);
          throw new IllegalStateException("never");
        });
    inEach(sandbox -> send(queue));
    endAllFailing("never");
    assertThat(sandboxes)
        .allSatisfy(sandbox -> assertThat(attempts.of(sandbox)).isGreaterThanOrEqualTo(3));
  }

  @Test
  void a_message_that_is_rejected_has_failed() {
    String queue = queue("rejected");
    listen(
        queue,
        message -> {
          throw new AmqpRejectAndDontRequeueException("not this one");
        });
    inEach(sandbox -> send(queue));
    endAllFailing("not this one");
  }

  @Test
  void what_a_transaction_has_not_sent_is_not_waited_for() {
    String queue = queue("transacted");
    Counts handled = new Counts();
    listen(queue, message -> handled.add(Sandbox.current(), 1));
    RabbitTemplate transacted = new RabbitTemplate(connections);
    transacted.setChannelTransacted(true);
    TransactionTemplate transaction =
        new TransactionTemplate(new RabbitTransactionManager(connections));
    inEach(
        sandbox -> {
          transaction.executeWithoutResult(
              status -> {
                transacted.convertAndSend(queue, "rolled back");
                status.setRollbackOnly();
              });
          transaction.executeWithoutResult(status -> transacted.convertAndSend(queue, "committed"));
        });
    endAll();
    assertThat(sandboxes)
        .allSatisfy(
            sandbox -> {
              assertThat(handled.of(sandbox)).isEqualTo(1);
              assertThat(sandbox.journal().toString()).contains("was rolled back");
            });
  }

  @Test
  void what_a_failed_listener_has_sent_in_its_transaction_is_not_waited_for() throws Exception {
    String queue = queue("failing");
    String next = queue("next");
    RabbitTemplate transacted = new RabbitTemplate(connections);
    transacted.setChannelTransacted(true);
    Counts attempts = new Counts();
    Counts arrived = new Counts();
    listen(next, message -> arrived.add(Sandbox.current(), 1));
    listen(
        queue,
        message -> {
          transacted.convertAndSend(next, "from attempt");
          if (attempts.add(Sandbox.current(), 1) < 2) {
            throw new IllegalStateException("not yet");
          }
        },
        container -> container.setChannelTransacted(true));
    inEach(sandbox -> send(queue));
    endAll();
    assertThat(sandboxes)
        .allSatisfy(
            sandbox -> {
              assertThat(attempts.of(sandbox)).isEqualTo(2);
              assertThat(arrived.of(sandbox)).isEqualTo(1);
            });
  }

  @Test
  void a_request_is_not_outstanding_once_its_reply_has_come() {
    String queue = queue("questions");
    listen(
        queue,
        message ->
            template.send(
                "",
                message.getMessageProperties().getReplyTo(),
                new Message("answer".getBytes(StandardCharsets.UTF_8), reply(message))));
    RabbitTemplate rpc = new RabbitTemplate(connections);
    rpc.setReplyTimeout(20_000);
    inEach(
        sandbox -> assertThat(rpc.convertSendAndReceive(queue, (Object) "question")).isNotNull());
    endAll();
  }

  private static org.springframework.amqp.core.MessageProperties reply(Message request) {
    org.springframework.amqp.core.MessageProperties properties =
        new org.springframework.amqp.core.MessageProperties();
    properties.setCorrelationId(request.getMessageProperties().getCorrelationId());
    return properties;
  }

  @Test
  void a_request_is_waited_for_until_its_future_and_what_depends_on_it_is_complete() {
    SimpleMessageListenerContainer replies = new SimpleMessageListenerContainer(connections);
    replies.setQueueNames(queue("answers"));
    ListenerAdvice.install(replies, run);
    replies.afterPropertiesSet();
    containers.add(replies);
    answersAreWaitedFor(new AsyncRabbitTemplate(new RabbitTemplate(connections), replies));
  }

  /** The embedded broker has the pseudo-queue, and says that it has not when asked. */
  @Test
  @Tag("rabbitmq")
  void a_request_with_a_direct_reply_is_waited_for() {
    needsRabbit();
    answersAreWaitedFor(new AsyncRabbitTemplate(new RabbitTemplate(connections)));
  }

  private void answersAreWaitedFor(AsyncRabbitTemplate target) {
    String queue = queue("asked");
    listen(
        queue,
        message ->
            template.send(
                "",
                message.getMessageProperties().getReplyTo(),
                new Message("answer".getBytes(StandardCharsets.UTF_8), reply(message))));
    target.setBeanName("asking");
    AsyncRabbitTemplate asking = AsyncRequests.wrap(target);
    asking.start();
    try {
      Counts answered = new Counts();
      inEach(
          sandbox -> {
            var unused =
                asking
                    .convertSendAndReceive("", queue, (Object) "question")
                    .thenAccept(answer -> answered.add(sandbox, 1));
          });
      endAll();
      assertThat(sandboxes).allSatisfy(sandbox -> assertThat(answered.of(sandbox)).isEqualTo(1));
    } finally {
      asking.stop();
    }
  }

  // Only RabbitMQ dead-letters.

  private void needsRabbit() {
    assertThat(broker.isRabbit()).as("SANDPIPER_RABBIT_URL names a RabbitMQ").isTrue();
  }

  private String withDeadLetters(String name, String to) {
    return declare(
        QueueBuilder.nonDurable(name(name))
            .deadLetterExchange("")
            .deadLetterRoutingKey(to)
            .build());
  }

  @Test
  @Tag("rabbitmq")
  void a_rejected_message_is_waited_for_where_its_dead_letters_are_consumed() {
    needsRabbit();
    String dead = queue("dead");
    String queue = withDeadLetters("source", dead);
    Counts handled = new Counts();
    listen(dead, message -> handled.add(Sandbox.current(), 1));
    listen(
        queue,
        message -> {
          throw new AmqpRejectAndDontRequeueException("to the dead letters");
        });
    inEach(sandbox -> send(queue));
    endAllFailing("to the dead letters");
    assertThat(sandboxes).allSatisfy(sandbox -> assertThat(handled.of(sandbox)).isEqualTo(1));
  }

  @Test
  @Tag("rabbitmq")
  void a_delayed_retry_is_waited_for() {
    needsRabbit();
    String queue = withDeadLetters("working", name("delaying"));
    declare(
        QueueBuilder.nonDurable(name("delaying"))
            .ttl(300)
            .deadLetterExchange("")
            .deadLetterRoutingKey(queue)
            .build());
    Counts attempts = new Counts();
    listen(
        queue,
        message -> {
          if (attempts.add(Sandbox.current(), 1) < 3) {
            throw new AmqpRejectAndDontRequeueException("later");
          }
        });
    inEach(sandbox -> send(queue));
    endAll();
    assertThat(sandboxes).allSatisfy(sandbox -> assertThat(attempts.of(sandbox)).isEqualTo(3));
  }

  @Test
  @Tag("rabbitmq")
  void a_delayed_retry_that_always_fails_ends() {
    needsRabbit();
    String queue = withDeadLetters("vain", name("vain.delaying"));
    declare(
        QueueBuilder.nonDurable(name("vain.delaying"))
            .ttl(100)
            .deadLetterExchange("")
            .deadLetterRoutingKey(queue)
            .build());
    Counts attempts = new Counts();
    listen(
        queue,
        message -> {
          attempts.add(Sandbox.current(), 1);
          throw new AmqpRejectAndDontRequeueException("never");
        });
    inEach(sandbox -> send(queue));
    endAllFailing("never");
    assertThat(sandboxes)
        .allSatisfy(sandbox -> assertThat(attempts.of(sandbox)).isGreaterThanOrEqualTo(3));
  }

  @Test
  @Tag("rabbitmq")
  void a_message_that_is_sent_to_be_delivered_later_is_waited_for() {
    needsRabbit();
    String queue = queue("later");
    String delay =
        declare(
            QueueBuilder.nonDurable(name("delay"))
                .deadLetterExchange("")
                .deadLetterRoutingKey(queue)
                .build());
    Counts handled = new Counts();
    listen(queue, message -> handled.add(Sandbox.current(), 1));
    inEach(
        sandbox ->
            template.convertAndSend(
                delay,
                (Object) "text",
                message -> {
                  message.getMessageProperties().setExpiration("400");
                  return message;
                }));
    endAll();
    assertThat(sandboxes).allSatisfy(sandbox -> assertThat(handled.of(sandbox)).isEqualTo(1));
  }

  @Test
  void deliveries_on_a_channel_that_is_closed_are_waited_for_again() throws Exception {
    String queue = queue("reopened");
    CountDownLatch delivered = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    Counts handled = new Counts();
    try (Connection connection = broker.factory(run).newConnection()) {
      Channel channel = connection.createChannel();
      channel.basicConsume(
          queue,
          false,
          (tag, message) -> {
            delivered.countDown();
            awaitUninterrupted(closed);
          },
          tag -> {});
      inEach(sandbox -> send(queue));
      assertThat(delivered.await(20, TimeUnit.SECONDS)).isTrue();
      listen(queue, message -> handled.add(Sandbox.current(), 1));
      channel.close();
      closed.countDown();
      endAll();
    }
    assertThat(sandboxes)
        .allSatisfy(sandbox -> assertThat(handled.of(sandbox)).isGreaterThanOrEqualTo(1));
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
