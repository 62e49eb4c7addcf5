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
import io.sandpiper.Isolation;
import io.sandpiper.Refusal;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

@SpringBootTest(classes = EchoApplication.class)
@Sandboxed
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Execution(ExecutionMode.CONCURRENT)
class RoundTripTests {

  private final RabbitTemplate rabbit;
  private final EchoApplication application;
  private final List<EchoWorker> workers = new ArrayList<>();

  RoundTripTests(@Autowired RabbitTemplate rabbit, @Autowired EchoApplication application) {
    this.rabbit = rabbit;
    this.application = application;
  }

  @BeforeAll
  void start_workers(@Autowired CachingConnectionFactory connections) throws Exception {
    for (EchoWorker.Echo echo : EchoWorker.Echo.values()) {
      String requests = "requests." + echo.name().toLowerCase(java.util.Locale.ROOT);
      workers.add(
          new EchoWorker(connections.getRabbitConnectionFactory(), requests, "replies", echo));
    }
  }

  @AfterAll
  void nothing_is_left() throws Exception {
    for (EchoWorker worker : workers) {
      worker.close();
    }
    assertThat(application.rows()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "requests.headers, OWN_HEADER",
    "requests.baggage, BAGGAGE",
    "requests.correlation, MESSAGE_ID"
  })
  void a_reply_comes_home_by_whatever_the_worker_echoes(String requests, Attribution attribution) {
    rabbit.convertAndSend(requests, "a text");

    Hop reply = assertReceive(received("replies"));

    assertThat(reply.attribution()).isEqualTo(attribution);
    assertThat(reply.text()).isEqualTo("a text");
    assertThat(application.rows()).containsExactly("a text");
  }

  @Test
  void a_correlation_id_of_the_application_attributes_the_reply() {
    rabbit.convertAndSend(
        "requests.correlation",
        (Object) "a text",
        message -> {
          message.getMessageProperties().setCorrelationId("order-4711");
          return message;
        });

    assertThat(assertReceive(received("replies")).attribution())
        .isEqualTo(Attribution.CORRELATION_ID);
  }

  @RepeatedTest(64)
  void tests_that_run_at_once_get_their_own_replies_and_see_their_own_rows(Sandbox sandbox) {
    List<String> texts = new ArrayList<>();
    List<String> echoing = List.of("requests.headers", "requests.baggage", "requests.correlation");
    for (int i = 0; i < 5; i++) {
      String text = sandbox.id() + " " + i;
      texts.add(text);
      rabbit.convertAndSend(echoing.get(ThreadLocalRandom.current().nextInt(echoing.size())), text);
    }

    List<String> replies = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      replies.add(assertReceive(received("replies")).text());
    }

    assertThat(replies).containsExactlyInAnyOrderElementsOf(texts);
    assertThat(application.rows()).containsExactlyInAnyOrderElementsOf(texts);
    refuteReceive(received("replies"));
  }

  @Test
  void what_is_sent_can_be_awaited_and_names_its_exchange() {
    rabbit.convertAndSend("amq.topic", "some.key", "text");

    Hop hop = assertReceive(sent("amq.topic", "some.key"), Duration.ZERO);

    assertThat(hop.header("x-test-id")).isEqualTo(Sandbox.current().id().value());
    assertThat(hop.messageId()).isNotNull();
  }

  @Test
  void the_reply_of_a_listener_is_stamped() {
    rabbit.convertAndSend(
        "questions",
        (Object) "why",
        message -> {
          message.getMessageProperties().setReplyTo("answers");
          return message;
        });

    assertReceive(received("questions"));
    Hop answer = assertReceive(sent("answers"));

    assertThat(answer.text()).isEqualTo("answer to why");
    assertThat(answer.header("x-test-id")).isEqualTo(Sandbox.current().id().value());
  }

  @Test
  void a_request_and_its_direct_reply_work_as_before() {
    assertThat(rabbit.convertSendAndReceive("questions", (Object) "how"))
        .isEqualTo("answer to how");
  }

  @Test
  void the_advice_of_the_application_runs_inside_the_scope() {
    rabbit.convertAndSend("requests.headers", "advised");
    assertReceive(received("replies"));
    assertThat(application.rows()).containsExactly("advised");
    assertThat(application.unscopedAdvice()).doesNotContain("advised");
  }

  @Test
  void a_listener_that_fails_fails_the_assertion_at_once_with_its_cause() {
    rabbit.convertAndSend("requests.headers", "fail this");

    assertThatThrownBy(() -> assertReceive(received("replies"), Duration.ofMinutes(1)))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("its handler failed")
        .hasMessageContaining("cannot handle fail this")
        .hasRootCauseInstanceOf(IllegalArgumentException.class);
  }

  @RepeatedTest(8)
  void a_listener_whose_container_commits_has_finished_when_it_has_committed(Sandbox sandbox) {
    String body = sandbox.id().toString();
    rabbit.convertAndSend("transacted", body);

    assertReceive(received("transacted"));

    assertThat(application.rows()).containsExactly(body);
    assertEventually(() -> assertThat(application.handled()).contains("committed " + body));
  }

  @RepeatedTest(8)
  void a_batch_is_split_by_test() {
    String mine = Sandbox.current().id().toString();
    for (int i = 0; i < 10; i++) {
      rabbit.convertAndSend("batches", mine);
    }
    for (int i = 0; i < 10; i++) {
      assertReceive(received("batches"));
    }
    assertEventually(() -> assertThat(application.rows()).hasSize(10).containsOnly(mine));
  }

  @Test
  void ids_that_must_not_be_honoured_never_reach_the_listener() {
    String valid = Sandbox.current().id().value();
    String forged = valid.substring(0, valid.length() - 1) + (valid.endsWith("A") ? "B" : "A");
    Run run = Run.ofThisJvm();
    long malformed = run.refusals(Refusal.Reason.MALFORMED);
    long forgeries = run.refusals(Refusal.Reason.FORGED);
    long strays = run.refusals(Refusal.Reason.STRAY);

    replyFromOutside("sp1.not an id", "malformed");
    replyFromOutside(forged, "forged");
    replyFromOutside("sp1.zzzzzz.000001.AAAAAAAAAAAAAAAA", "stray");

    assertEventually(
        () -> {
          assertThat(run.refusals(Refusal.Reason.MALFORMED)).isGreaterThan(malformed);
          assertThat(run.refusals(Refusal.Reason.FORGED)).isGreaterThan(forgeries);
          assertThat(run.refusals(Refusal.Reason.STRAY)).isGreaterThan(strays);
        });
    assertThat(application.handled()).doesNotContain("malformed", "forged", "stray");
    assertThat(application.rows()).isEmpty();
  }

  @Test
  void a_message_of_an_ended_test_is_late_and_acked() {
    Run run = Run.ofThisJvm();
    Sandbox ended = run.open(Sandbox.Settings.of("T.ended", Isolation.NONE, this));
    run.end(ended, null);
    long late = run.refusals(Refusal.Reason.LATE);

    replyFromOutside(ended.id().value(), "too late");

    assertEventually(() -> assertThat(run.refusals(Refusal.Reason.LATE)).isGreaterThan(late));
    assertThat(application.handled()).doesNotContain("too late");
  }

  @Test
  void work_without_an_id_is_refused_at_its_first_statement_once() {
    replyFromOutside(null, "unowned");

    assertEventually(
        () ->
            assertThatThrownBy(() -> assertReceive(received("replies"), Duration.ZERO))
                .hasMessageContaining("carried no test id")
                .hasMessageContaining("works for no test"));
    assertThat(application.handled()).containsOnlyOnce("unowned");
  }

  @Test
  void a_failure_names_the_queue_that_nobody_consumes() {
    rabbit.convertAndSend("answers", "is anybody there");

    assertThatThrownBy(() -> assertReceive(received("replies"), Duration.ofMillis(50)))
        .hasMessageContaining("Queue \"answers\" has 0 consumers")
        .hasMessageContaining("Outstanding: #1")
        .hasMessageContaining("sent answers");
  }

  /** Publishes as a worker would that was given this id, or none. */
  private void replyFromOutside(@org.jspecify.annotations.Nullable String id, String text) {
    try (Scope nobody = Scope.open(null, "outside")) {
      rabbit.convertAndSend(
          "replies",
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
