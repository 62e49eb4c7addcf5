package io.sandpiper.example;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import io.sandpiper.Attribution;
import io.sandpiper.Hop;
import io.sandpiper.Sandboxed;
import java.util.List;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.web.client.HttpClientErrorException;

/** The end-to-end suite: many tests at once, with one broker, worker and database between them. */
@SpringBootTest(webEnvironment = RANDOM_PORT)
@Sandboxed
class ScoringTests {

  @Autowired BatchClient batches;
  @Autowired BatchRepository rows;
  @Autowired RabbitTemplate rabbit;

  @ManyTimes
  void scores_come_home() {
    long batch = batches.submit("good", "terrible, broken");

    Hop reply = assertReceive(received("scoring.results").json("/batchId", batch));

    assertThat(reply.attribution()).isEqualTo(Attribution.OWN_HEADER);
    assertThat(rows.items(batch)).extracting(Item::label).containsExactly("positive", "negative");
    assertThat(rows.audit(batch)).hasSize(2);
    assertThat(batches.show(batch).state()).isEqualTo(Batch.State.SCORED);
    refuteReceive(received("scoring.failures"));
  }

  @ManyTimes
  void several_batches_of_one_test_are_kept_apart() {
    long first = batches.submit("excellent");
    long second = batches.submit("great", "poor", "bad");
    long third = batches.submit("awful");

    assertReceive(received("scoring.results").json("/batchId", third));
    assertReceive(received("scoring.results").json("/batchId", first));
    assertReceive(received("scoring.results").json("/batchId", second));

    assertThat(rows.audit(first)).hasSize(1);
    assertThat(rows.audit(second)).hasSize(3);
    assertThat(rows.items(third)).extracting(Item::label).containsExactly("negative");
  }

  @ManyTimes
  void a_text_that_the_worker_refuses_fails_its_batch() {
    long batch = batches.submit("good", " ");

    assertReceive(received("scoring.failures").json("/batchId", batch));

    assertThat(batches.show(batch).state()).isEqualTo(Batch.State.FAILED);
    assertThat(batches.show(batch).error()).isEqualTo("items[1].text must not be blank.");
    assertThat(rows.items(batch)).noneMatch(Item::scored);
    refuteReceive(received("scoring.results"));
  }

  @ManyTimes
  void what_is_no_request_is_answered_to_its_sender() {
    rabbit.convertAndSend("scoring.requests", List.of("no request"));

    Hop failure = assertReceive(received("scoring.failures").json("/batchId", null));

    assertThat(failure.json().at("/error").asString())
        .isEqualTo("The request must be an object, not an array.");
  }

  @ManyTimes
  void a_result_that_is_delivered_twice_is_written_once() {
    long batch = batches.submit("good", "bad");
    Hop reply = assertReceive(received("scoring.results").json("/batchId", batch));
    List<AuditEntry> audit = rows.audit(batch);

    rabbit.convertAndSend("scoring.results", reply.json());
    assertReceive(received("scoring.results").json("/batchId", batch));

    assertThat(rows.audit(batch)).hasSize(2).isEqualTo(audit);
  }

  @ManyTimes
  void a_request_that_is_delivered_twice_is_written_once() {
    long batch = batches.submit("good");
    Hop request = assertReceive(sent("scoring.requests").json("/batchId", batch));

    rabbit.convertAndSend("scoring.requests", request.json());
    assertReceive(received("scoring.results").json("/batchId", batch));
    assertReceive(received("scoring.results").json("/batchId", batch));

    assertThat(rows.audit(batch)).hasSize(1);
    refuteReceive(received("scoring.results"));
  }

  /** Each run of this test takes the same name, in turn, and finds it free. */
  @ManyTimes
  @ResourceLock("the batch name 'weekly report'")
  void a_name_is_taken_for_the_test_that_took_it() {
    NewBatch weekly = new NewBatch("weekly report", List.of("good"));
    long batch = batches.submit(weekly);

    assertThatThrownBy(() -> batches.submit(weekly))
        .isInstanceOf(HttpClientErrorException.Conflict.class);

    assertThat(batches.show(batch).name()).isEqualTo("weekly report");
  }

  /** Its reply is late: no other test sees it, nor does the database. */
  @ManyTimes
  void a_test_may_end_before_its_reply() {
    long batch = batches.submit("good");

    assertReceive(sent("scoring.requests").json("/batchId", batch));
  }

  @ManyTimes
  void a_batch_without_texts_is_refused() {
    assertThatThrownBy(() -> batches.submit())
        .isInstanceOf(HttpClientErrorException.BadRequest.class);

    refuteReceive(sent("scoring.requests"));
  }
}
