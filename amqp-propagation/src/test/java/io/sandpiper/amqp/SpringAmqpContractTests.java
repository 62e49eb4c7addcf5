package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Attribution;
import io.sandpiper.Hop;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageBuilder;
import org.springframework.amqp.core.MessagePostProcessor;
import org.springframework.amqp.core.QueueInformation;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.amqp.rabbit.RabbitConverterFuture;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.connection.CorrelationData;
import org.springframework.amqp.rabbit.core.BatchingRabbitTemplate;
import org.springframework.amqp.rabbit.core.RabbitMessagingTemplate;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.messaging.support.GenericMessage;

/** Every way to publish and to consume, each by many tests at once on shared containers. */
@SpringBootTest(classes = ContractApplication.class)
@Sandboxed
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Execution(ExecutionMode.CONCURRENT)
class SpringAmqpContractTests {

  private static final MessagePostProcessor AS_IT_IS = message -> message;
  private static final int TESTS_AT_ONCE = 3;

  @Autowired private RabbitTemplate rabbit;
  @Autowired private RabbitMessagingTemplate messaging;
  @Autowired private BatchingRabbitTemplate batching;
  @Autowired private ContractLog log;
  @Autowired private CachingConnectionFactory connections;

  @FunctionalInterface
  private interface Publisher {

    void publish(String queue, String text) throws Exception;
  }

  private final Map<String, Publisher> publishers = new LinkedHashMap<>();

  private Map<String, Publisher> publishers() {
    publishers.put("send", (queue, text) -> rabbit.send(queue, message(text)));
    publishers.put("send to an exchange", (queue, text) -> rabbit.send("", queue, message(text)));
    publishers.put("send by defaults", (queue, text) -> templateTo(queue).send(message(text)));
    publishers.put(
        "send with correlation data",
        (queue, text) -> rabbit.send("", queue, message(text), new CorrelationData()));
    publishers.put("convertAndSend", (queue, text) -> rabbit.convertAndSend(queue, text));
    publishers.put(
        "convertAndSend by defaults", (queue, text) -> templateTo(queue).convertAndSend(text));
    publishers.put(
        "convertAndSend to an exchange", (queue, text) -> rabbit.convertAndSend("", queue, text));
    publishers.put(
        "convertAndSend with a post-processor",
        (queue, text) -> rabbit.convertAndSend(queue, (Object) text, AS_IT_IS));
    publishers.put(
        "convertAndSend with correlation data",
        (queue, text) -> rabbit.convertAndSend("", queue, text, AS_IT_IS, new CorrelationData()));
    publishers.put(
        "a channel of its own",
        (queue, text) ->
            rabbit.execute(
                channel -> {
                  channel.basicPublish("", queue, null, text.getBytes(StandardCharsets.UTF_8));
                  return null;
                }));
    publishers.put(
        "invoke",
        (queue, text) ->
            rabbit.invoke(
                operations -> {
                  operations.convertAndSend(queue, text);
                  return null;
                }));
    publishers.put(
        "a publisher connection",
        (queue, text) -> {
          RabbitTemplate template = new RabbitTemplate(connections);
          template.setUsePublisherConnection(true);
          template.convertAndSend(queue, text);
        });
    publishers.put(
        "a transacted channel",
        (queue, text) -> {
          RabbitTemplate template = new RabbitTemplate(connections);
          template.setChannelTransacted(true);
          template.convertAndSend(queue, text);
        });
    publishers.put(
        "messaging send", (queue, text) -> messaging.send(queue, new GenericMessage<>(text)));
    publishers.put(
        "messaging convertAndSend", (queue, text) -> messaging.convertAndSend(queue, text));
    publishers.put(
        "messaging convertAndSend with headers",
        (queue, text) -> messaging.convertAndSend(queue, (Object) text, Map.of("colour", "blue")));
    publishers.put(
        "messaging to an exchange", (queue, text) -> messaging.convertAndSend("", queue, text));
    return publishers;
  }

  private RabbitTemplate templateTo(String queue) {
    RabbitTemplate template = new RabbitTemplate(connections);
    template.setRoutingKey(queue);
    return template;
  }

  private static Message message(String text) {
    return MessageBuilder.withBody(text.getBytes(StandardCharsets.UTF_8))
        .setContentType("text/plain")
        .build();
  }

  Stream<String> ways_to_publish() {
    return often(publishers().keySet().stream());
  }

  static Stream<String> ways_to_consume() {
    return often(ContractApplication.CONSUMED.stream());
  }

  private static Stream<String> often(Stream<String> ways) {
    List<String> once = ways.toList();
    return IntStream.range(0, TESTS_AT_ONCE).boxed().flatMap(any -> once.stream());
  }

  @AfterAll
  void nothing_is_left_and_nothing_has_crossed(@Autowired AmqpAdmin admin) throws Exception {
    assertThat(log.crossings()).isEmpty();
    for (String queue : ContractApplication.queues()) {
      assertThat(admin.getQueueInfo(queue))
          .as(queue)
          .isNotNull()
          .extracting(QueueInformation::getMessageCount)
          .isEqualTo(0L);
    }
    assertThat(Sandbox.outside(log::allRows)).isEmpty();
  }

  private static List<String> texts(Sandbox sandbox, String what) {
    int count = ThreadLocalRandom.current().nextInt(1, 6);
    return IntStream.range(0, count).mapToObj(i -> text(sandbox, what, i)).toList();
  }

  private static String text(Sandbox sandbox, String what, int number) {
    return "%s|%s|%d".formatted(what, sandbox.id().value(), number);
  }

  /** Each has come once, was handled once, in this sandbox, and no other has. */
  private void assertHandled(String queue, List<String> texts) {
    List<String> come = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      Hop hop = assertReceive(received(queue));
      assertThat(hop.attribution()).isEqualTo(Attribution.OWN_HEADER);
      come.add(hop.text());
    }
    assertThat(come).containsExactlyInAnyOrderElementsOf(texts);
    assertThat(log.rows(queue)).containsExactlyInAnyOrderElementsOf(texts);
    assertThat(texts).allMatch(text -> log.attempts(queue, text) == 1);
    refuteReceive(received(queue), Duration.ofMillis(20));
  }

  @ParameterizedTest
  @MethodSource("ways_to_publish")
  void what_is_published_in_any_way_comes_home(String way, Sandbox sandbox) throws Exception {
    List<String> texts = texts(sandbox, "ok");
    Publisher publisher = Objects.requireNonNull(publishers.get(way));
    for (String text : texts) {
      publisher.publish("contract.class", text);
    }

    for (String text : texts) {
      assertReceive(sent("contract.class").matching("text", hop -> hop.text().equals(text)));
    }
    assertHandled("contract.class", texts);
  }

  @ParameterizedTest
  @MethodSource("ways_to_consume")
  void what_is_consumed_in_any_way_is_handled_in_its_sandbox_once(String queue, Sandbox sandbox) {
    List<String> texts = texts(sandbox, "ok");
    texts.forEach(text -> rabbit.convertAndSend(queue, text));

    assertHandled(queue, texts);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_full_batch_is_one_message_of_one_test_and_its_parts_come_home(Sandbox sandbox) {
    for (String queue :
        List.of("contract.parts", "contract.parts.batches", "contract.parts.manual")) {
      List<String> texts = Stream.of(1, 2, 3).map(i -> text(sandbox, "ok", i)).toList();
      texts.forEach(text -> batching.convertAndSend(queue, text));

      assertThat(assertReceive(sent(queue)).header("amqp_batchSize")).isEqualTo("3");
      assertHandled(queue, texts);
    }
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_batch_that_the_listener_takes_as_it_is_comes_home_as_one_message(Sandbox sandbox) {
    List<String> texts = Stream.of(1, 2, 3).map(i -> text(sandbox, "ok", i)).toList();
    texts.forEach(text -> batching.convertAndSend("contract.parts.list", text));

    assertThat(assertReceive(received("contract.parts.list")).attribution())
        .isEqualTo(Attribution.OWN_HEADER);
    assertThat(log.rows("contract.parts.list")).containsExactlyElementsOf(texts);
    refuteReceive(received("contract.parts.list"), Duration.ofMillis(20));
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_batch_that_is_not_full_is_sent_by_the_timer(Sandbox sandbox) {
    List<String> texts = Stream.of(1, 2).map(i -> text(sandbox, "ok", i)).toList();
    texts.forEach(text -> batching.convertAndSend("contract.parts", text));

    // One batch, or two where this thread was kept from the second until the time was up.
    assertReceive(sent("contract.parts"));
    assertHandled("contract.parts", texts);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void the_end_of_a_test_waits_for_its_batches() {
    batching.convertAndSend("contract.parts", text(Sandbox.current(), "ok", 1));
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_batch_is_sent_when_its_test_flushes(Sandbox sandbox) {
    List<String> texts = List.of(text(sandbox, "ok", 1));
    batching.convertAndSend("contract.parts", texts.get(0));
    batching.flush();

    assertReceive(sent("contract.parts"), Duration.ZERO);
    assertHandled("contract.parts", texts);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_reply_by_annotation_is_handled_in_its_sandbox(Sandbox sandbox) {
    List<String> texts = texts(sandbox, "ok");
    texts.forEach(text -> rabbit.convertAndSend("contract.send-to", text));

    assertHandled("contract.send-to", texts);
    assertHandled("contract.sent", texts);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_reply_goes_where_the_message_asks(Sandbox sandbox) {
    String text = text(sandbox, "ok", 1);
    rabbit.convertAndSend(
        "contract.questions",
        (Object) text,
        message -> {
          message.getMessageProperties().setReplyTo("contract.polled");
          return message;
        });

    assertHandled("contract.questions", List.of(text));
    Hop reply = assertReceive(sent("contract.polled"));
    assertThat(reply.text()).isEqualTo("answer to " + text);
    assertThat(rabbit.receive("contract.polled", 10_000)).isNotNull();
  }

  static Stream<String> ways_to_ask() {
    return often(Stream.of("direct reply", "reply container", "future", "future of a container"));
  }

  @ParameterizedTest
  @MethodSource("ways_to_ask")
  void a_question_is_answered_and_its_answer_is_of_the_same_test(
      String way,
      Sandbox sandbox,
      @Autowired @Qualifier("fixedReplyTemplate") RabbitTemplate fixedReply,
      @Autowired @Qualifier("asyncTemplateWithQueue") AsyncRabbitTemplate asyncWithQueue)
      throws Exception {
    for (String text : texts(sandbox, "ok")) {
      assertThat(
              switch (way) {
                case "direct reply" -> rabbit.convertSendAndReceive("contract.questions", text);
                case "reply container" ->
                    fixedReply.convertSendAndReceive("contract.questions", text);
                default -> ask(asyncWithQueue, "contract.questions", text);
              })
          .isEqualTo("answer to " + text);
      assertHandledOnce("contract.questions", text);
    }
  }

  private static Object ask(AsyncRabbitTemplate template, String queue, String text)
      throws Exception {
    RabbitConverterFuture<String> answer = template.convertSendAndReceive(queue, text);
    return answer.get(10, TimeUnit.SECONDS);
  }

  private void assertHandledOnce(String queue, String text) {
    assertReceive(received(queue).matching("text", hop -> hop.text().equals(text)));
    assertThat(log.rows(queue)).containsOnlyOnce(text);
    assertThat(log.attempts(queue, text)).isEqualTo(1);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void the_callback_of_an_answer_runs_in_the_sandbox(
      Sandbox sandbox,
      @Autowired @Qualifier("asyncTemplateWithQueue") AsyncRabbitTemplate asyncWithQueue)
      throws Exception {
    String text = text(sandbox, "ok", 1);
    RabbitConverterFuture<String> answer =
        asyncWithQueue.convertSendAndReceive("contract.questions", text);
    CompletableFuture<Void> callback = answer.thenAccept(any -> log.handle("callback", text));

    callback.get(10, TimeUnit.SECONDS);
    assertThat(log.rows("callback")).containsExactly(text);
    assertThat(assertReceive(received("contract.async-replies")).attribution())
        .isEqualTo(Attribution.OWN_HEADER);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_listener_that_answers_later_is_at_work_until_then(Sandbox sandbox) {
    String text = text(sandbox, "ok", 1);

    assertThat(rabbit.convertSendAndReceive("contract.questions.future", (Object) text))
        .isEqualTo("answer to " + text);

    assertHandled("contract.questions.future", List.of(text));
    assertThat(
            sandbox.journal().entries().stream()
                .filter(entry -> entry.who().equals("listener contract.questions.future")))
        .anyMatch(entry -> entry.text().contains("sent"));
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_stateless_retry_stays_in_its_sandbox_and_is_one_delivery(Sandbox sandbox) {
    String text = text(sandbox, "fail2", 1);
    rabbit.convertAndSend("contract.stateless", text);

    assertReceive(received("contract.stateless"));
    assertThat(log.rows("contract.stateless")).hasSize(3).containsOnly(text);
    refuteReceive(received("contract.stateless"), Duration.ofMillis(20));
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_stateful_retry_is_delivered_again_in_its_sandbox(Sandbox sandbox) {
    String text = text(sandbox, "fail2", 1);
    rabbit.convertAndSend("contract.stateful", text);

    assertEventually(() -> assertThat(log.rows("contract.stateful")).hasSize(3).containsOnly(text));
    assertThat(log.attempts("contract.stateful", text)).isEqualTo(3);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_recoverer_that_rejects_ends_the_retries(Sandbox sandbox) {
    String text = text(sandbox, "failures", 1);
    rabbit.convertAndSend("contract.rejected", text);

    assertThatThrownBy(() -> assertReceive(received("contract.rejected")))
        .hasMessageContaining("its handler failed");
    assertThat(log.rows("contract.rejected")).hasSize(3).containsOnly(text);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_recoverer_republishes_in_the_sandbox(Sandbox sandbox) {
    String text = text(sandbox, "failures", 1);
    rabbit.convertAndSend("contract.republished", text);

    Hop error = assertReceive(received("contract.republished.errors"));
    assertThat(error.text()).isEqualTo(text);
    assertThat(error.attribution()).isEqualTo(Attribution.OWN_HEADER);
    assertThat(error.header("x-exception-message")).contains("asked to fail");
    assertThat(log.rows("contract.republished.errors")).hasSize(1);
    assertThat(log.rows("contract.republished")).hasSize(3);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void error_handlers_run_in_the_sandbox_before_the_delivery_counts_as_handled(Sandbox sandbox) {
    String text = text(sandbox, "failures", 1);
    String recorded = text(sandbox, "ok", 1);
    rabbit.convertAndSend("contract.error-handler", text);

    assertThatThrownBy(() -> assertReceive(received("contract.error-handler")))
        .hasMessageContaining("its handler failed");

    assertThat(log.rows("listener error handler")).containsExactly(recorded);
    assertThat(log.rows("error handler")).containsExactly(recorded);
    assertThat(log.attempts("error handler", recorded)).isEqualTo(1);
    assertReceive(received("contract.errors-handled"));
    assertThat(log.rows("contract.errors-handled")).containsExactly(recorded);
  }
}
