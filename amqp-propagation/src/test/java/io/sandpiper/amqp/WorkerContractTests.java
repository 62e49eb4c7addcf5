package io.sandpiper.amqp;

import static io.sandpiper.amqp.StandInWorker.number;
import static io.sandpiper.amqp.WorkerContract.Verdict.DAMAGED;
import static io.sandpiper.amqp.WorkerContract.Verdict.NOT_SATISFIED;
import static io.sandpiper.amqp.WorkerContract.Verdict.SATISFIED;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.LongString;
import io.sandpiper.amqp.WorkerContract.Level;
import io.sandpiper.amqp.WorkerContract.Verdict;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Workers in this JVM that keep the contract in one way, or break it in one. */
@Timeout(120)
@Execution(ExecutionMode.CONCURRENT)
class WorkerContractTests {

  /** The requests that are sent at once, by their numbers. */
  private static final int FIRST_AT_ONCE = 7;

  private static final int LAST_AT_ONCE = 22;
  private static final int LAST = 25;
  private static final String UNPROCESSABLE = "not a number";

  /** What a worker that gives up on a request is waited for; a good one is never waited so long. */
  private static final Duration SHORT = Duration.ofSeconds(2);

  /** On a configured broker tests that run at once share a virtual host. */
  private final StandInWorker.Queues queues =
      new StandInWorker.Queues("requests." + UUID.randomUUID(), "replies." + UUID.randomUUID());

  private WorkerContract contract(StandInWorker.Behaviour behaviour) {
    return byIds(behaviour).answers(Arrays::equals);
  }

  /** Without anybody to say which body answers which. */
  private WorkerContract byIds(StandInWorker.Behaviour behaviour) {
    return contract(StandInWorker.that(behaviour, queues));
  }

  private WorkerContract contract(ContractLauncher worker) {
    return WorkerContract.of(worker)
        .requests(queues.requests())
        .replies(queues.replies())
        .request(number -> Integer.toString(number).getBytes(UTF_8), "text/plain")
        .unprocessable(UNPROCESSABLE.getBytes(UTF_8), "text/plain");
  }

  /** What of a request is in the reply to it. */
  private interface Echo {
    void copy(AMQP.BasicProperties request, AMQP.BasicProperties.Builder reply);

    static Echo headers(UnaryOperator<Map<String, Object>> change) {
      return (request, reply) -> reply.headers(change.apply(headersOf(request)));
    }

    static Echo correlation(Function<AMQP.BasicProperties, @Nullable String> id) {
      return (request, reply) -> reply.correlationId(id.apply(request));
    }

    default Echo and(Echo other) {
      return (request, reply) -> {
        copy(request, reply);
        other.copy(request, reply);
      };
    }
  }

  private static Map<String, Object> headersOf(AMQP.BasicProperties request) {
    return request.getHeaders() == null ? new HashMap<>() : new HashMap<>(request.getHeaders());
  }

  private static final Echo NOTHING = (request, reply) -> {};
  private static final Echo HEADERS = Echo.headers(headers -> headers);
  private static final Echo OWN_HEADER = Echo.headers(only("x-test-id"));
  private static final Echo BAGGAGE =
      Echo.headers(
          only("baggage")
                  .andThen(changed("baggage", value -> "own=member,%s,last=one".formatted(value)))
              ::apply);
  private static final Echo CORRELATION_ID =
      Echo.correlation(AMQP.BasicProperties::getCorrelationId);
  private static final Echo MESSAGE_ID = Echo.correlation(AMQP.BasicProperties::getMessageId);
  private static final Echo EITHER_ID =
      Echo.correlation(
          request ->
              Objects.requireNonNullElse(
                  request.getCorrelationId(),
                  Objects.requireNonNullElse(request.getMessageId(), "")));

  private static UnaryOperator<Map<String, Object>> only(String name) {
    return headers -> {
      headers.keySet().retainAll(List.of(name));
      return headers;
    };
  }

  private static UnaryOperator<Map<String, Object>> changed(
      String name, UnaryOperator<Object> change) {
    return headers -> {
      headers.computeIfPresent(name, (same, value) -> change.apply(value));
      return headers;
    };
  }

  private static StandInWorker.Behaviour echoing(Echo echo) {
    return (request, worker) -> {
      AMQP.BasicProperties.Builder reply = new AMQP.BasicProperties.Builder();
      echo.copy(request.getProperties(), reply);
      worker.answer(request, reply);
    };
  }

  /** Answers this way where something is so, and is as good as can be otherwise. */
  private static StandInWorker.Behaviour when(
      Predicate<Delivery> condition, StandInWorker.Behaviour behaviour) {
    StandInWorker.Behaviour good = echoing(HEADERS.and(EITHER_ID));
    return (request, worker) ->
        (condition.test(request) ? behaviour : good).handle(request, worker);
  }

  static Stream<Arguments> workers_that_keep_it() {
    return Stream.of(
        keeps("nothing", NOTHING, NOT_SATISFIED, NOT_SATISFIED, NOT_SATISFIED, NOT_SATISFIED),
        keeps("own header", OWN_HEADER, SATISFIED, NOT_SATISFIED, NOT_SATISFIED, NOT_SATISFIED),
        keeps("baggage", BAGGAGE, NOT_SATISFIED, SATISFIED, NOT_SATISFIED, NOT_SATISFIED),
        keeps("headers", HEADERS, SATISFIED, SATISFIED, NOT_SATISFIED, NOT_SATISFIED),
        keeps(
            "correlation id",
            CORRELATION_ID,
            NOT_SATISFIED,
            NOT_SATISFIED,
            SATISFIED,
            NOT_SATISFIED),
        keeps("message id", MESSAGE_ID, NOT_SATISFIED, NOT_SATISFIED, DAMAGED, SATISFIED),
        keeps("either id", EITHER_ID, NOT_SATISFIED, NOT_SATISFIED, SATISFIED, SATISFIED),
        keeps("all", HEADERS.and(EITHER_ID), SATISFIED, SATISFIED, SATISFIED, SATISFIED));
  }

  private static Arguments keeps(String what, Echo echo, Verdict... verdicts) {
    return Arguments.argumentSet(what, echo, List.of(verdicts));
  }

  @ParameterizedTest
  @MethodSource("workers_that_keep_it")
  void what_a_worker_echoes_is_what_it_satisfies(Echo echo, List<Verdict> expected) {
    for (WorkerContract contract : List.of(contract(echoing(echo)), byIds(echoing(echo)))) {
      WorkerContract.Report report = contract.check();

      assertThat(Stream.of(Level.values()).map(report::verdict))
          .as("%s", report)
          .isEqualTo(expected);
      assertThat(report.broken()).as("%s", report).isEmpty();
      for (Level level : Level.values()) {
        assertThat(report.satisfies(level)).isEqualTo(report.verdict(level) == SATISFIED);
      }
    }
  }

  @Test
  void the_report_says_all_that_was_seen() {
    assertThat(contract(echoing(HEADERS.and(CORRELATION_ID))).check())
        .hasToString(
            """
            Worker: stand-in
            Replies can be matched by
              own header                         satisfied     x-test-id verbatim in 21 of 21 replies
              baggage                            satisfied     test.id in baggage, also beside other members, in 21 of 21 replies
              correlation id                     satisfied     the request's correlation id in 11 of 11 replies
              message id                         not satisfied no correlation id in any of 10 replies
            Any worker
              answers each request               yes           23 of 23
              answers no request twice           yes           25 replies
              mixes no replies up                yes           ids and bodies belong together
              answers a request without any id   yes           as in production
              bears header values of all types   yes           6 of 6 came back, undamaged
              survives what it cannot handle     yes           it answered the next request
              acknowledges what it is given      yes           nothing was in the queue once it was stopped
            Replies come home by own header, baggage, correlation id.""");
  }

  static Stream<Arguments> damages() {
    return Stream.of(
        damage(
            "a number",
            changed("x-test-id", id -> 7),
            Level.OWN_HEADER,
            "x-test-id came back as a number (7); of 21 replies 0 have it verbatim, 21 damaged"),
        damage(
            "bytes",
            changed("x-test-id", id -> id.toString().getBytes(UTF_8)),
            Level.OWN_HEADER,
            "x-test-id came back as bytes (34 of them)"),
        damage(
            "cut",
            changed("x-test-id", id -> id.toString().substring(0, 25)),
            Level.OWN_HEADER,
            ".…\", 25 of whose 34 characters it has"),
        damage(
            "constant",
            changed("x-test-id", id -> "undefined"),
            Level.OWN_HEADER,
            "x-test-id came back as \"undefined\""),
        damage(
            "no member",
            changed("baggage", baggage -> "own=member"),
            Level.BAGGAGE,
            "baggage came back without test.id"),
        damage(
            "first member only",
            changed("baggage", baggage -> baggage.toString().split(",", 2)[0]),
            Level.BAGGAGE,
            "baggage came back without test.id; of 21 replies 11 have it verbatim, 10 damaged"),
        damage(
            "a table",
            changed("baggage", baggage -> Map.of("test.id", baggage)),
            Level.BAGGAGE,
            "baggage came back as a table"));
  }

  private static Arguments damage(
      String what, UnaryOperator<Map<String, Object>> change, Level level, String seen) {
    return Arguments.argumentSet(what, change, level, seen);
  }

  @ParameterizedTest
  @MethodSource("damages")
  void what_comes_back_damaged_is_named(
      UnaryOperator<Map<String, Object>> change, Level level, String seen) {
    WorkerContract.Report report = contract(echoing(Echo.headers(change).and(EITHER_ID))).check();

    assertThat(report.verdict(level)).as("%s", report).isEqualTo(DAMAGED);
    assertThat(report.seen(level)).contains(seen);
    assertThat(report.broken()).as("%s", report).isEmpty();
    assertThat(report.satisfies(Level.MESSAGE_ID)).isTrue();
  }

  @Test
  void a_level_that_is_there_sometimes_is_damaged() {
    WorkerContract.Report report =
        contract(when(request -> number(request) % 3 == 0, echoing(EITHER_ID))).check();

    assertThat(report.verdict(Level.OWN_HEADER)).isEqualTo(DAMAGED);
    assertThat(report.seen(Level.OWN_HEADER))
        .isEqualTo("of 21 replies 15 have it verbatim, 0 damaged, 6 not at all");
  }

  @Test
  void no_report_shows_what_proves_an_id() {
    AtomicReference<String> id = new AtomicReference<>("");
    WorkerContract.Report report =
        contract(
                echoing(
                    Echo.headers(
                        changed(
                            "x-test-id",
                            value -> {
                              id.set(value.toString());
                              return value + "x";
                            }))))
            .check();

    String proof = id.get().substring(id.get().lastIndexOf('.') + 1);
    assertThat(proof).hasSizeGreaterThan(10);
    assertThat(report.toString()).contains("\"sp1.").doesNotContain(proof);
  }

  @Test
  void what_is_required_and_missing_fails_with_the_table() {
    WorkerContract.Report report = contract(echoing(CORRELATION_ID)).check();

    assertThatCode(() -> report.require(Level.CORRELATION_ID)).doesNotThrowAnyException();
    assertThatThrownBy(() -> report.require(Level.OWN_HEADER, Level.CORRELATION_ID))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith("The worker does not keep its contract:")
        .hasMessageContaining("own header is not satisfied: no x-test-id in any of 21 replies")
        .hasMessageContaining(report.toString());
  }

  @Test
  void a_damaged_level_that_comes_first_fails_what_is_required() {
    WorkerContract.Report report =
        contract(
                echoing(
                    Echo.headers(changed("x-test-id", id -> id.toString().toUpperCase(Locale.ROOT)))
                        .and(EITHER_ID)))
            .check();

    assertThat(report.satisfies(Level.BAGGAGE)).isTrue();
    assertThatThrownBy(() -> report.require(Level.BAGGAGE))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("own header is damaged: x-test-id came back as \"SP1.");
    assertThat(report.toString())
        .endsWith("own header is damaged. Copy it verbatim, or not at all.");
  }

  static Stream<Arguments> echoes() {
    return Stream.of(
        Arguments.argumentSet("nothing", NOTHING),
        Arguments.argumentSet("all", HEADERS.and(EITHER_ID)));
  }

  @ParameterizedTest
  @MethodSource("echoes")
  void one_that_answers_twice_is_found(Echo echo) {
    assertThat(contract(twice(echo)).check().broken())
        .singleElement()
        .asString()
        .startsWith("answers no request twice: more than one reply to #1 (stamped by the harness)");
  }

  /**
   * Nobody can tell then which request is answered, so what is seen depends on when it is stopped.
   */
  @Test
  void one_that_answers_twice_and_tells_nothing_breaks_a_rule() {
    assertThat(byIds(twice(NOTHING)).check().broken()).isNotEmpty();
  }

  private static StandInWorker.Behaviour twice(Echo echo) {
    return (request, worker) -> {
      AMQP.BasicProperties.Builder reply = new AMQP.BasicProperties.Builder();
      echo.copy(request.getProperties(), reply);
      worker.reply(reply, request.getBody());
      worker.answer(request, reply);
    };
  }

  @Test
  void one_that_answers_again_when_it_is_stopped_is_found() {
    WorkerContract.Report report =
        contract(
                when(
                    request -> number(request) == LAST_AT_ONCE,
                    (request, worker) -> {
                      AMQP.BasicProperties.Builder reply = new AMQP.BasicProperties.Builder();
                      HEADERS.copy(request.getProperties(), reply);
                      worker.reply(reply, request.getBody());
                      worker.reply(reply, request.getBody());
                      worker.acknowledge(request);
                    }))
            .check();

    assertThat(report.broken())
        .containsExactly(
            "answers no request twice: more than one reply to #22 (stamped by the harness)");
  }

  @Test
  void one_that_loses_a_request_is_found() {
    WorkerContract.Report report =
        contract(
                when(
                    request -> number(request) == 9,
                    (request, worker) -> worker.acknowledge(request)))
            .timeout(SHORT)
            .check();

    assertThat(report.broken())
        .containsExactly(
            "answers each request: no reply of its own within 2 s to #9 (stamped by the harness)");
  }

  @Test
  void one_that_swaps_the_ids_of_requests_at_once_is_found_by_bodies() {
    WorkerContract.Report report = contract(swapping(HEADERS.and(EITHER_ID))).check();

    assertThat(report.broken())
        .singleElement()
        .asString()
        .startsWith("mixes no replies up: the reply with the x-test-id of #8 and the baggage of #8")
        .contains("has a body that answers #7 (stamped by the harness)");
    assertThat(report.seen(Level.OWN_HEADER))
        .contains("x-test-id came back as that of request #8", "16 damaged");
  }

  @Test
  void one_that_swaps_only_headers_is_found_by_its_correlation_ids() {
    StandInWorker.Behaviour swapping = swapping(HEADERS);
    WorkerContract.Report report = byIds(swapping).check();

    assertThat(report.broken())
        .singleElement()
        .asString()
        .startsWith(
            "mixes no replies up: one reply has the x-test-id of #8 and the baggage of #8 and")
        .contains(" id of #7; ");
  }

  /** Answers requests that come at once in pairs, each with this of the other. */
  private static StandInWorker.Behaviour swapping(Echo echo) {
    AtomicReference<@Nullable Delivery> held = new AtomicReference<>();
    return when(
        request -> number(request) >= FIRST_AT_ONCE && number(request) <= LAST_AT_ONCE,
        (request, worker) -> {
          Delivery other = held.getAndSet(null);
          if (other == null) {
            held.set(request);
            return;
          }
          answerWith(echo, other, request, worker);
          answerWith(echo, request, other, worker);
        });
  }

  private static void answerWith(Echo echo, Delivery request, Delivery other, StandInWorker worker)
      throws IOException {
    AMQP.BasicProperties.Builder reply = new AMQP.BasicProperties.Builder();
    EITHER_ID.copy(request.getProperties(), reply);
    echo.copy(other.getProperties(), reply);
    worker.answer(request, reply);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void one_that_keeps_the_id_of_the_request_before_is_found(boolean bodies) {
    AtomicReference<AMQP.@Nullable BasicProperties> before = new AtomicReference<>();
    WorkerContract contract =
        byIds(
                (request, worker) -> {
                  AMQP.BasicProperties.Builder reply = new AMQP.BasicProperties.Builder();
                  AMQP.@Nullable BasicProperties last = before.getAndSet(request.getProperties());
                  HEADERS.copy(last == null ? request.getProperties() : last, reply);
                  worker.answer(request, reply);
                })
            .timeout(SHORT);

    WorkerContract.Report report = (bodies ? contract.answers(Arrays::equals) : contract).check();

    assertThat(report.broken())
        .as("%s", report)
        .anyMatch(rule -> rule.startsWith("mixes no replies up"));
  }

  @Test
  void a_body_that_answers_nothing_is_found() {
    WorkerContract.Report report =
        contract(echoing(NOTHING)).answers((request, reply) -> false).timeout(SHORT).check();

    assertThat(report.broken())
        .anyMatch(
            rule ->
                rule.startsWith(
                    "mixes no replies up: a reply without ids has a body that answers none of the requests"));
  }

  @Test
  void one_that_needs_an_id_is_found() {
    WorkerContract.Report report =
        contract(
                when(
                    request -> !headersOf(request.getProperties()).containsKey("x-test-id"),
                    (request, worker) -> worker.acknowledge(request)))
            .timeout(SHORT)
            .check();

    assertThat(report.broken())
        .containsExactly(
            "answers each request: no reply of its own within 2 s to #6 (without any id)",
            "answers a request without any id: no reply; a test id must not be needed");
  }

  @Test
  void one_that_breaks_on_headers_of_other_types_is_found_and_its_levels_are_known() {
    WorkerContract.Report report =
        contract(
                when(
                    request -> headersOf(request.getProperties()).containsKey("contract-table"),
                    (request, worker) -> worker.die()))
            .check();

    assertThat(report.satisfies(Level.OWN_HEADER)).isTrue();
    assertThat(report.broken())
        .hasSize(2)
        .anyMatch(
            rule ->
                rule.startsWith(
                        "bears header values of all types: no reply: the worker ended with exit code 66")
                    && rule.endsWith("what the stand-in says"));
    assertThat(report.toString())
        .containsPattern("survives what it cannot handle +not checked +it had ended before");
  }

  @Test
  void damaged_headers_of_other_types_are_named() {
    WorkerContract.Report report =
        contract(
                echoing(
                    Echo.headers(
                        changed("contract-long", Object::toString)
                                .andThen(changed("contract-timestamp", date -> true))
                                .andThen(changed("contract-negative", number -> 249))
                                .andThen(changed("contract-boolean", value -> 1))
                            ::apply)))
            .check();

    assertThat(report.broken())
        .containsExactly(
            "bears header values of all types: a number (5000000000) came back as \"5000000000\"; "
                + "a number (-7) came back as a number (249); "
                + "a boolean (true) came back as a number (1); "
                + "a timestamp (2023-11-14T22:13:20Z) came back as a boolean (true)");
  }

  @Test
  void numbers_of_another_width_are_no_damage() {
    WorkerContract.Report report =
        contract(
                echoing(
                    Echo.headers(
                        changed("contract-negative", number -> (byte) -7)
                                .andThen(changed("contract-double", number -> 2.5f))
                            ::apply)))
            .check();

    assertThat(report.broken()).isEmpty();
  }

  @Test
  void one_that_dies_of_what_it_cannot_handle_is_found() {
    WorkerContract.Report report =
        contract(when(request -> number(request) == 0, (request, worker) -> worker.die())).check();

    assertThat(report.broken())
        .singleElement()
        .asString()
        .startsWith(
            "survives what it cannot handle: no reply to the next request: the worker ended with exit code 66");
  }

  @Test
  void one_that_stops_working_after_what_it_cannot_handle_is_found() {
    AtomicReference<Boolean> stuck = new AtomicReference<>(false);
    WorkerContract.Report report =
        contract(
                when(
                    request -> {
                      if (number(request) == 0) {
                        stuck.set(true);
                      }
                      return stuck.get();
                    },
                    (request, worker) -> worker.acknowledge(request)))
            .timeout(SHORT)
            .check();

    assertThat(report.broken())
        .containsExactly("survives what it cannot handle: no reply to the next request within 2 s");
  }

  @Test
  void a_reply_to_what_it_cannot_handle_is_no_fault() {
    WorkerContract.Report report =
        contract(
                when(
                    request -> number(request) == 0,
                    (request, worker) -> {
                      AMQP.BasicProperties.Builder reply = new AMQP.BasicProperties.Builder();
                      HEADERS.copy(request.getProperties(), reply);
                      worker.reply(reply, "cannot handle it".getBytes(UTF_8));
                      worker.acknowledge(request);
                    }))
            .check();

    assertThat(report.broken()).isEmpty();
  }

  @Test
  void one_that_does_not_acknowledge_is_found() {
    WorkerContract.Report report =
        contract(
                when(
                    request -> number(request) % 5 == 0,
                    (request, worker) -> {
                      AMQP.BasicProperties.Builder reply = new AMQP.BasicProperties.Builder();
                      HEADERS.copy(request.getProperties(), reply);
                      worker.reply(reply, request.getBody());
                    }))
            .check();

    assertThat(report.broken())
        .containsExactly(
            "acknowledges what it is given: 5 requests were in the queue once it was stopped");
  }

  @Test
  void one_that_was_stopped_before_it_acknowledged_the_last_request_breaks_nothing() {
    WorkerContract.Report report =
        contract(
                when(
                    request -> number(request) == LAST,
                    (request, worker) -> {
                      AMQP.BasicProperties.Builder reply = new AMQP.BasicProperties.Builder();
                      HEADERS.copy(request.getProperties(), reply);
                      worker.reply(reply, request.getBody());
                    }))
            .check();

    assertThat(report.broken()).isEmpty();
  }

  @Test
  void one_that_ends_at_once_is_an_error_with_its_output() {
    assertThatIllegalStateException()
        .isThrownBy(() -> contract(StandInWorker.thatEnds(queues)).check())
        .withMessageStartingWith(
            "The worker ended with exit code 66 before it consumed from queue \""
                + queues.requests()
                + "\". Look at the stand-in;")
        .withMessageContainingAll("Worker: stand-in, on amqp://", "what the stand-in says");
  }

  @Test
  void one_that_does_not_consume_is_an_error() {
    assertThatIllegalStateException()
        .isThrownBy(() -> contract(StandInWorker.thatDoesNotConsume(queues)).timeout(SHORT).check())
        .withMessageStartingWith(
            "The worker does not consume from queue \""
                + queues.requests()
                + "\": 2 s after it was started, the queue has no consumer. Look at the stand-in; check the name of the queue, and give a slow one more time by timeout(…).")
        .withMessageContaining("what the stand-in says");
  }

  @Test
  void one_that_does_not_answer_is_an_error() {
    assertThatIllegalStateException()
        .isThrownBy(() -> contract((request, worker) -> {}).timeout(SHORT).check())
        .withMessageStartingWith(
            "The worker does not answer: no reply came to queue \""
                + queues.replies()
                + "\" within 2 s. Of its queues, queue \""
                + queues.requests()
                + "\" has ")
        .withMessageContainingAll(
            " and 1 consumers. Check that it publishes to that queue (or",
            "the request 1 of type text/plain");
  }

  @Test
  void one_that_dies_of_its_first_request_is_an_error() {
    assertThatIllegalStateException()
        .isThrownBy(() -> contract((request, worker) -> worker.die()).check())
        .withMessageStartingWith(
            "The worker ended with exit code 66 when it got its first request. Check that it can handle the request 1 of type text/plain");
  }

  @Test
  void one_that_dies_later_is_an_error() {
    assertThatIllegalStateException()
        .isThrownBy(
            () ->
                contract(when(request -> number(request) == 5, (request, worker) -> worker.die()))
                    .check())
        .withMessageContaining("ended with exit code 66 while it was asked");
  }

  @Test
  void the_address_for_replies_and_headers_are_sent_where_they_are_wanted() {
    WorkerContract.Report report =
        contract(
                (request, worker) -> {
                  AMQP.BasicProperties properties = request.getProperties();
                  assertThat(properties.getReplyTo()).isEqualTo(queues.replies());
                  assertThat(properties.getContentType()).isEqualTo("text/plain");
                  assertThat(headersOf(properties).get("type"))
                      .isInstanceOf(LongString.class)
                      .hasToString("score");
                  echoing(HEADERS).handle(request, worker);
                })
            .replyTo(queues.replies())
            .header("type", "score")
            .timeout(SHORT)
            .check();

    assertThat(report.broken()).isEmpty();
  }

  @Test
  void what_the_topology_declares_is_used() {
    WorkerContract.Report report =
        contract(echoing(HEADERS))
            .topology(
                channel -> {
                  channel.queueDeclare(queues.requests(), false, false, true, null);
                  channel.queueDeclare("requests.more", false, false, true, null);
                })
            .check();

    assertThat(report.broken()).isEmpty();
  }

  @Test
  void a_topology_that_the_broker_refuses_is_an_error() {
    assertThatIllegalStateException()
        .isThrownBy(
            () ->
                contract(echoing(HEADERS))
                    .topology(channel -> channel.exchangeDeclarePassive("no such exchange"))
                    .check())
        .withMessageContainingAll("stand-in", "no such exchange", "topology(…)");
  }

  @Test
  void queues_that_are_not_free_are_an_error() {
    assertThatIllegalStateException()
        .isThrownBy(
            () ->
                contract(echoing(HEADERS))
                    .topology(
                        channel -> {
                          channel.queueDeclare(queues.requests(), false, true, true, null);
                          channel.basicConsume(queues.requests(), (tag, message) -> {}, tag -> {});
                        })
                    .check())
        .withMessageContainingAll(queues.requests(), "1 consumers and 0 messages already");
  }

  @Test
  void what_is_not_set_is_an_error() {
    assertThatIllegalStateException()
        .isThrownBy(() -> WorkerContract.of(List.of("worker")).check())
        .withMessageContaining("without requests(…)");
  }

  @Test
  void a_contract_does_not_change() {
    WorkerContract contract = contract(StandInWorker.thatDoesNotConsume(queues)).timeout(SHORT);
    contract.requests("other").timeout(Duration.ofMinutes(1));

    assertThatIllegalStateException()
        .isThrownBy(contract::check)
        .withMessageContainingAll(queues.requests(), "2 s after");
  }
}
