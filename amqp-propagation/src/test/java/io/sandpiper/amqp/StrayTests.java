package io.sandpiper.amqp;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.rabbitmq.client.GetResponse;
import io.sandpiper.Isolation;
import io.sandpiper.Refusal;
import io.sandpiper.Run;
import io.sandpiper.Sandboxed;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.springframework.context.ConfigurableApplicationContext;

/** Several contexts and JVMs with the same queues on one broker. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StrayTests {

  private final Run run = Run.ofThisJvm();
  private final TestBroker broker = new TestBroker();
  private final String uri = broker.virtualHost().uri();
  private final ConfigurableApplicationContext first = StrayApplication.start(uri);
  private final ConfigurableApplicationContext second = StrayApplication.start(uri);

  @AfterAll
  void stop() {
    first.close();
    second.close();
    broker.close();
  }

  @Test
  void each_context_handles_what_its_own_tests_caused() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      Future<List<String>> one = threads.submit(() -> StrayJvm.tests(first, 6, 5));
      Future<List<String>> two = threads.submit(() -> StrayJvm.tests(second, 6, 5));

      assertThat(one.get(120, TimeUnit.SECONDS)).isEmpty();
      assertThat(two.get(120, TimeUnit.SECONDS)).isEmpty();
      nothing_is_left();
    } finally {
      threads.shutdown();
    }
  }

  @Test
  void each_jvm_handles_what_its_own_tests_caused() throws Exception {
    try (StrayJvm other = new StrayJvm(uri)) {
      other.begin(6, 5);

      assertThat(StrayJvm.tests(first, 6, 5)).isEmpty();
      assertThat(other.answer()).isEqualTo("[]");
      nothing_is_left();
    }
  }

  @Test
  @Sandboxed(isolation = Isolation.NONE)
  void what_belongs_to_a_jvm_that_was_killed_is_parked_and_reported() throws Exception {
    String id;
    try (StrayJvm other = new StrayJvm(uri)) {
      id = "sp1.%s.000001.AAAAAAAAAAAAAAAA".formatted(other.run());
      // At home its MAC does not verify, and that is where it is judged.
      StrayApplication.send(first, id, Map.of(), "judged at home");
      other.begin(1, 1);
      assertThat(other.answer()).isEqualTo("[]");
      assertThat(parked("judged at home")).isNull();
      other.kill();
    }
    long refused = run.refusals(Refusal.Reason.STRAY);

    StrayApplication.send(first, id, Map.of("kept", "as it was"), "too late");

    GetResponse parked = await().until(() -> parked("too late"), Objects::nonNull);
    Original original =
        Original.of(Homes.PARKED, parked.getEnvelope(), parked.getProps(), parked.getBody());
    assertThat(new String(original.body(), StandardCharsets.UTF_8)).isEqualTo("too late");
    assertThat(original.queue()).isEqualTo("stray.auto");
    assertThat(original.routingKey()).isEqualTo("stray.auto");
    assertThat(original.properties().getHeaders())
        .hasToString("{kept=as it was, x-test-id=" + id + "}");
    await().until(() -> run.refusals(Refusal.Reason.STRAY) > refused);
    nothing_is_left();
    assertThatThrownBy(() -> assertReceive(received("stray.auto"), Duration.ofSeconds(1)))
        .hasMessageContaining("is parked in queue sandpiper.parked: nobody is at sandpiper.home.");
  }

  @Test
  void what_was_forwarded_too_often_is_parked() throws Exception {
    Map<String, Object> travelled =
        Map.of(
            PutBackHeader.NAME,
            Map.of("queue", "stray.auto", "token", "a", "hops", 3, "headers", Map.of()));

    StrayApplication.send(
        first, "sp1.%s.000001.AAAAAAAAAAAAAAAA".formatted("nobody"), travelled, "round and round");

    GetResponse parked = await().until(() -> parked("round and round"), Objects::nonNull);
    assertThat(new String(parked.getBody(), StandardCharsets.UTF_8)).isEqualTo("round and round");
  }

  /** Passes over what other suites have parked on this broker. */
  private @Nullable GetResponse parked(String text) {
    GetResponse next = broker.get(Homes.PARKED);
    while (next != null && !text.equals(new String(next.getBody(), StandardCharsets.UTF_8))) {
      next = broker.get(Homes.PARKED);
    }
    return next;
  }

  private long left(String queue) {
    return broker.messageCount(queue);
  }

  private void nothing_is_left() {
    for (String queue : StrayApplication.QUEUES) {
      await().until(() -> left(queue) == 0);
    }
    for (ConfigurableApplicationContext context : List.of(first, second)) {
      assertThat(context.getBean(StrayApplication.class).unowned()).isEmpty();
    }
  }
}
