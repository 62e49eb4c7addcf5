package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertEventually;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Attribution;
import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Refusal;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.Sandboxed.BackgroundErrors;
import io.sandpiper.context.Scope;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.core.Declarables;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.core.QueueBuilder;
import org.springframework.amqp.core.QueueInformation;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.amqp.rabbit.annotation.RabbitListener;
import org.springframework.amqp.rabbit.config.RetryInterceptorBuilder;
import org.springframework.amqp.rabbit.config.SimpleRabbitListenerContainerFactory;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.connection.Connection;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.retry.RepublishMessageRecoverer;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;

/** Dead letters, delayed retries and direct replies as only RabbitMQ has them. */
@ExtendWith(NeedsRabbitMq.class)
@SpringBootTest(classes = DeadLetterContractTests.Application.class)
@Sandboxed(backgroundErrors = BackgroundErrors.REPORT)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Execution(ExecutionMode.CONCURRENT)
class DeadLetterContractTests {

  private static final int TESTS_AT_ONCE = 4;

  @Autowired private RabbitTemplate rabbit;
  @Autowired private ContractLog log;
  @Autowired private AmqpAdmin admin;

  /** Rejected jobs wait in a queue without consumers and come back; so do refused ones not. */
  @EnableAutoConfiguration
  static class Application {

    static final List<String> QUEUES =
        List.of(
            "dead.jobs",
            "dead.letters",
            "dead.retried",
            "dead.waiting",
            "dead.republished",
            "dead.parked",
            "dead.requeued",
            "dead.questions");

    @Bean
    static Declarables deadLetterQueues() {
      return new Declarables(
          QueueBuilder.durable("dead.jobs")
              .deadLetterExchange("")
              .deadLetterRoutingKey("dead.letters")
              .build(),
          new Queue("dead.letters"),
          QueueBuilder.durable("dead.retried")
              .deadLetterExchange("")
              .deadLetterRoutingKey("dead.waiting")
              .build(),
          QueueBuilder.durable("dead.waiting")
              .deadLetterExchange("")
              .deadLetterRoutingKey("dead.retried")
              .ttl(50)
              .build(),
          new Queue("dead.republished"),
          new Queue("dead.parked"),
          new Queue("dead.requeued"),
          new Queue("dead.questions"));
    }

    @Bean
    static ContractLog contractLog(JdbcClient jdbc) {
      return new ContractLog(jdbc);
    }

    @Bean
    static SimpleRabbitListenerContainerFactory rejecting(CachingConnectionFactory connections) {
      SimpleRabbitListenerContainerFactory factory = new SimpleRabbitListenerContainerFactory();
      factory.setConnectionFactory(connections);
      factory.setConcurrentConsumers(2);
      factory.setDefaultRequeueRejected(false);
      return factory;
    }

    @Bean
    static SimpleRabbitListenerContainerFactory requeueing(CachingConnectionFactory connections) {
      SimpleRabbitListenerContainerFactory factory = new SimpleRabbitListenerContainerFactory();
      factory.setConnectionFactory(connections);
      return factory;
    }

    @Bean
    static SimpleRabbitListenerContainerFactory republishing(
        CachingConnectionFactory connections, RabbitTemplate template) {
      SimpleRabbitListenerContainerFactory factory = new SimpleRabbitListenerContainerFactory();
      factory.setConnectionFactory(connections);
      factory.setAdviceChain(
          RetryInterceptorBuilder.stateless()
              .maxRetries(2)
              .backOffOptions(1, 1, 10)
              .recoverer(new RepublishMessageRecoverer(template, "", "dead.parked"))
              .build());
      return factory;
    }

    @Bean
    static AsyncRabbitTemplate asyncTemplate(RabbitTemplate template) {
      return new AsyncRabbitTemplate(template);
    }

    @Bean
    static Listeners deadLetterListeners(ContractLog log) {
      return new Listeners(log);
    }
  }

  static class Listeners {

    private final ContractLog log;

    Listeners(ContractLog log) {
      this.log = log;
    }

    @RabbitListener(queues = "dead.jobs", containerFactory = "rejecting")
    void job(String text) {
      log.handle("dead.jobs", text);
    }

    @RabbitListener(queues = "dead.letters", containerFactory = "rejecting")
    void letter(String text) {
      log.handle("dead.letters", "ok" + text.substring(text.indexOf('|')));
    }

    @RabbitListener(queues = "dead.retried", containerFactory = "rejecting")
    void retried(String text) {
      log.handle("dead.retried", text);
    }

    @RabbitListener(queues = "dead.republished", containerFactory = "republishing")
    void republished(String text) {
      log.handle("dead.republished", text);
    }

    @RabbitListener(queues = "dead.requeued", containerFactory = "requeueing")
    void requeued(String text) {
      log.handle("dead.requeued", text);
    }

    @RabbitListener(queues = "dead.questions", containerFactory = "requeueing")
    String question(String text) {
      log.handle("dead.questions", text);
      return "answer to " + text;
    }
  }

  @BeforeAll
  void it_is_rabbitmq(@Autowired CachingConnectionFactory connections) {
    try (Connection connection = connections.createConnection()) {
      assertThat(
              Objects.requireNonNull(connection.getDelegate()).getServerProperties().get("product"))
          .hasToString("RabbitMQ");
    }
  }

  @AfterAll
  void nothing_is_left_and_nothing_has_crossed() throws Exception {
    assertThat(log.crossings()).isEmpty();
    for (String queue : Application.QUEUES) {
      assertThat(messagesIn(queue)).as(queue).isZero();
    }
    assertThat(Sandbox.outside(log::allRows)).isEmpty();
  }

  private long messagesIn(String queue) {
    QueueInformation information = Objects.requireNonNull(admin.getQueueInfo(queue));
    return information.getMessageCount();
  }

  private static String text(Sandbox sandbox, String what) {
    return "%s|%s|1".formatted(what, sandbox.id().value());
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_dead_letter_is_handled_in_the_sandbox_of_its_test(Sandbox sandbox) {
    rabbit.convertAndSend("dead.jobs", text(sandbox, "failures"));

    Hop letter = assertReceive(received("dead.letters"));
    assertThat(letter.attribution()).isEqualTo(Attribution.OWN_HEADER);
    assertThat(letter.header("x-first-death-queue")).isEqualTo("dead.jobs");
    assertThat(log.rows("dead.letters")).containsExactly(text(sandbox, "ok"));
    assertThat(log.attempts("dead.jobs", text(sandbox, "failures"))).isEqualTo(1);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_delayed_retry_is_handled_in_the_sandbox_of_its_test(Sandbox sandbox) {
    String text = text(sandbox, "fail2");
    rabbit.convertAndSend("dead.retried", text);

    assertEventually(() -> assertThat(log.rows("dead.retried")).hasSize(3).containsOnly(text));
    assertThat(log.attempts("dead.retried", text)).isEqualTo(3);
  }

  @RepeatedTest(TESTS_AT_ONCE)
  void a_direct_reply_to_an_asynchronous_template_is_that_of_its_test(
      Sandbox sandbox, @Autowired AsyncRabbitTemplate async) throws Exception {
    String text = text(sandbox, "ok");
    CompletableFuture<String> future = async.convertSendAndReceive("dead.questions", text);
    CompletableFuture<String> told = future.thenApply(any -> Sandbox.current().id().value());

    assertThat(told.get(10, TimeUnit.SECONDS)).isEqualTo(sandbox.id().value());
    assertThat(future).isCompletedWithValue("answer to " + text);
    assertThat(log.rows("dead.questions")).containsExactly(text);
  }

  /** The message is on its way for ever in production; here until its test has ended. */
  @Test
  void a_message_that_goes_round_after_its_test_is_acknowledged_as_late() {
    Run run = Run.ofThisJvm();
    long late = run.refusals(Refusal.Reason.LATE);
    Sandbox ended = open(run);
    String text = text(ended, "failures");
    try (Scope scope = ended.test().bind()) {
      rabbit.convertAndSend("dead.retried", text);
      assertReceive(received("dead.retried"));
    } catch (AssertionError failed) {
      assertThat(failed).hasMessageContaining("asked to fail");
    }
    run.end(ended, new IllegalStateException("as if the test had failed"));

    assertEventually(() -> assertThat(run.refusals(Refusal.Reason.LATE)).isGreaterThan(late));
    assertEventually(
        () ->
            assertThat(messagesIn("dead.retried") + messagesIn("dead.waiting"))
                .as("messages that go round")
                .isZero());
  }

  @Test
  void what_is_refused_is_acknowledged_and_is_in_nobodys_dead_letters() {
    Run run = Run.ofThisJvm();
    Sandbox ended = open(run);
    run.end(ended, null);
    String valid = Sandbox.current().id().value();
    String forged = valid.substring(0, valid.length() - 1) + (valid.endsWith("A") ? "B" : "A");
    for (String queue : List.of("dead.jobs", "dead.retried", "dead.republished", "dead.requeued")) {
      long late = run.refusals(Refusal.Reason.LATE);
      long forgeries = run.refusals(Refusal.Reason.FORGED);
      long malformed = run.refusals(Refusal.Reason.MALFORMED);
      String text = "ok|refused|" + queue;
      publishFromOutside(queue, text, ended.id().value());
      publishFromOutside(queue, text, forged);
      publishFromOutside(queue, text, "sp1.not an id");

      assertEventually(
          () -> {
            assertThat(run.refusals(Refusal.Reason.LATE)).isGreaterThan(late);
            assertThat(run.refusals(Refusal.Reason.FORGED)).isGreaterThan(forgeries);
            assertThat(run.refusals(Refusal.Reason.MALFORMED)).isGreaterThan(malformed);
          });
      assertThat(log.attempts(queue, text)).isZero();
      assertThat(log.attempts("dead.letters", text)).isZero();
    }
    assertThat(messagesIn("dead.parked")).isZero();
  }

  @Test
  void work_without_an_id_is_refused_once_and_is_in_nobodys_dead_letters() {
    for (String queue : List.of("dead.jobs", "dead.retried", "dead.republished", "dead.requeued")) {
      publishFromOutside(queue, "ok|outside|" + queue, null);
      assertEventually(() -> assertThat(log.attempts(queue, "ok|outside|" + queue)).isEqualTo(1));
    }
    // A retry or a requeue would have come by now: this goes the longest way behind them.
    a_delayed_retry_is_handled_in_the_sandbox_of_its_test(Sandbox.current());
    for (String queue : List.of("dead.jobs", "dead.retried", "dead.republished", "dead.requeued")) {
      assertThat(log.attempts(queue, "ok|outside|" + queue)).isEqualTo(1);
    }
    assertThat(log.attempts("dead.letters", "ok|outside|dead.jobs")).isZero();
    assertThat(messagesIn("dead.parked")).isZero();
  }

  private Sandbox open(Run run) {
    return run.open(
        Sandbox.Settings.of("DeadLetterContractTests.ended", Isolation.TRANSACTION, this)
            .withBackgroundErrors(BackgroundErrors.REPORT));
  }

  private void publishFromOutside(String queue, String text, @Nullable String id) {
    try (Scope nobody = Scope.open(null, "outside")) {
      rabbit.convertAndSend(
          queue,
          (Object) text,
          message -> {
            if (id != null) {
              message.getMessageProperties().setHeader("x-test-id", id);
            }
            return message;
          });
    }
  }
}
