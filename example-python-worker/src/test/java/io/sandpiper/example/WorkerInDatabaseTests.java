package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Propagation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.test.context.ActiveProfiles;

/**
 * A worker that writes its scores straight into the database of the test, and replies then: one
 * process for all tests, each with a database of its own, and for tests that have none.
 */
@ExtendWith(NeedsPsycopg2.class)
@SpringBootTest(webEnvironment = RANDOM_PORT)
@ActiveProfiles("join")
@Sandboxed(isolation = Isolation.DATABASE)
class WorkerInDatabaseTests {

  private static final String WORKER = "sandpiper-worker";

  @Autowired BatchClient batches;
  @Autowired BatchRepository rows;
  @Autowired Tables tables;
  @Autowired RabbitTemplate rabbit;
  @Autowired JdbcClient jdbc;

  @AfterAll
  static void nothing_was_written_into_the_applications_own_database(@Autowired Tables tables) {
    assertThat(tables.rows()).isEqualTo(Tables.Rows.NONE);
  }

  private List<@Nullable String> writers() {
    return jdbc.sql("SELECT DISTINCT written_by FROM audit").query(String.class).list();
  }

  private String database() {
    return jdbc.sql("SELECT current_database()").query(String.class).single();
  }

  private static String baggage(Hop hop) {
    return String.valueOf(hop.header(Propagation.BAGGAGE));
  }

  /** All of them have batch 1 and item 1, each in its own database. */
  @RepeatedTest(12)
  void the_rows_that_the_worker_wrote_are_there_and_nobody_elses() {
    long batch = batches.submit("good", "terrible, broken");

    assertReceive(received("join.results").json("/batchId", batch));

    assertThat(writers()).containsExactly(WORKER);
    assertThat(rows.items(batch)).extracting(Item::label).containsExactly("positive", "negative");
    assertThat(batches.show(batch).state()).isEqualTo(Batch.State.SCORED);
    assertThat(tables.rows()).isEqualTo(new Tables.Rows(1, 2, 2));
    refuteReceive(received("join.failures"));
  }

  @RepeatedTest(4)
  void several_batches_of_one_test_are_in_its_database() {
    long first = batches.submit("excellent");
    long second = batches.submit("great", "poor");

    assertReceive(received("join.results").json("/batchId", second));
    assertReceive(received("join.results").json("/batchId", first));

    assertThat(writers()).containsExactly(WORKER);
    assertThat(tables.rows()).isEqualTo(new Tables.Rows(2, 3, 3));
  }

  @RepeatedTest(12)
  @Sandboxed
  void a_transaction_sandbox_beside_them_names_no_database_and_is_written_by_the_listener() {
    long batch = batches.submit("good", "bad");
    Hop request = assertReceive(sent("join.requests").json("/batchId", batch));

    assertReceive(received("join.results").json("/batchId", batch));

    assertThat(baggage(request)).startsWith("test.id=").doesNotContain("test.db");
    assertThat(rows.items(batch)).allMatch(Item::scored);
    assertThat(writers()).hasSize(1).doesNotContain(WORKER);
    assertThat(tables.rows()).isEqualTo(new Tables.Rows(1, 2, 2));
  }

  @RepeatedTest(4)
  void a_message_names_the_database_before_the_test_has_used_it() {
    rabbit.convertAndSend(
        "join.requests", Map.of("batchId", 7, "items", List.of(Map.of("id", 1, "text", "good"))));

    Hop request = assertReceive(sent("join.requests"));
    assertReceive(received("join.results").json("/batchId", 7));

    assertThat(baggage(request)).endsWith(",test.db=" + database());
  }

  @Test
  void nothing_but_the_name_travels(
      Sandbox sandbox, @LocalServerPort int port, @Autowired JdbcConnectionDetails server) {
    long batch = batches.submit("good");

    Hop post = assertReceive(sent("POST http://localhost:%d/batches".formatted(port)));
    Hop request = assertReceive(sent("join.requests").json("/batchId", batch));
    Hop reply = assertReceive(received("join.results").json("/batchId", batch));

    String expected = "test.id=" + sandbox.id().value() + ",test.db=" + database();
    for (Hop hop : List.of(post, request, reply)) {
      assertThat(baggage(hop)).isEqualTo(expected);
      assertThat(hop.header(Propagation.HEADER)).isEqualTo(sandbox.id().value());
      assertThat(hop.json().toString())
          .doesNotContain(
              "sp_c_", "jdbc:", String.valueOf(server.getUsername()), server.getJdbcUrl());
    }
  }

  @Test
  void a_name_that_the_application_passes_on_is_replaced_by_the_tests_own() {
    send("join.requests", "test.db=postgres,tenant=7");

    Hop request = assertReceive(sent("join.requests"));
    assertReceive(received("join.results").json("/batchId", 7));

    assertThat(baggage(request)).startsWith("tenant=7,test.id=").endsWith(",test.db=" + database());
  }

  @Test
  @Sandboxed
  void a_name_that_the_application_passes_on_does_not_leave_a_test_that_has_none() {
    send("join.requests", "test.db=postgres,tenant=7");

    Hop request = assertReceive(sent("join.requests"));
    assertReceive(received("join.results").json("/batchId", 7));

    assertThat(baggage(request)).startsWith("tenant=7,test.id=").doesNotContain("test.db");
  }

  @Test
  void a_reply_with_a_forged_name_is_written_where_its_test_is(Sandbox sandbox) throws Exception {
    long batch = rows.insert(null);
    long item = rows.insertItems(batch, List.of("good")).get(0).id();
    Map<String, Object> result =
        Map.of(
            "batchId",
            batch,
            "items",
            List.of(Map.of("id", item, "label", "positive", "confidence", 0.5)));

    Sandbox.outside(
        () -> {
          rabbit.convertAndSend(
              "join.results",
              result,
              message -> {
                message
                    .getMessageProperties()
                    .setHeader(Propagation.BAGGAGE, forged(sandbox, "postgres"));
                return message;
              });
          return null;
        });

    assertReceive(received("join.results").json("/batchId", batch));
    assertThat(rows.items(batch)).allMatch(Item::scored);
    assertThat(writers()).hasSize(1).doesNotContain(WORKER);
  }

  /** As when the test has ended before the worker writes, and its database is dropped. */
  @Test
  void a_database_that_is_gone_is_a_failure_that_does_not_say_where_the_server_is(Sandbox sandbox)
      throws Exception {
    long batch = batches.submit("good");
    assertReceive(received("join.results").json("/batchId", batch));

    Sandbox.outside(
        () -> {
          send("join.requests", forged(sandbox, "sp_c_0_0"));
          return null;
        });

    Hop failure = assertReceive(received("join.failures"));
    assertThat(failure.json().toString())
        .isEqualTo(
            "{\"batchId\":7,\"error\":\"The scores could not be written into the database.\"}");
    assertThat(tables.rows()).isEqualTo(new Tables.Rows(1, 1, 1));
  }

  @Test
  void a_forged_name_does_not_lead_the_worker_to_another_database(Sandbox sandbox)
      throws Exception {
    Sandbox.outside(
        () -> {
          send("join.requests", forged(sandbox, "postgres"));
          return null;
        });

    Hop failure = assertReceive(received("join.failures").json("/batchId", 7));
    assertThat(failure.json().at("/error").asString())
        .isEqualTo("test.db does not name the database of a test.");
  }

  private static String forged(Sandbox sandbox, String database) {
    return "test.db=" + database + ",test.id=" + sandbox.id().value();
  }

  private void send(String queue, String baggage) {
    rabbit.convertAndSend(
        queue,
        Map.of("batchId", 7, "items", List.of(Map.of("id", 1, "text", "good"))),
        message -> {
          message.getMessageProperties().setHeader(Propagation.BAGGAGE, baggage);
          return message;
        });
  }
}
