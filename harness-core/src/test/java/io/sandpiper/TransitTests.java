package io.sandpiper;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.Hop.Direction;
import io.sandpiper.context.Scope;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Messages that are on their way while a test ends, between two sandboxes and shared threads. */
@ExtendWith(Schedules.class)
@Timeout(60)
class TransitTests {

  private final Run run = Run.create();
  private final ExecutorService broker = Executors.newFixedThreadPool(4);

  @AfterEach
  void stop() {
    broker.shutdownNow();
  }

  private Sandbox open(Duration drain) {
    return run.open(Sandbox.Settings.of("T.sends", Isolation.NONE, this).withDrain(drain));
  }

  private static Hop send(Sandbox sandbox, String id, List<String> queues, boolean elsewhere) {
    return sandbox.sent(
        new Hop.Content(
            Direction.SENT,
            "key",
            new Hop.Route("events", "key"),
            Map.of(),
            new byte[0],
            new Hop.Ids(null, id, null)),
        queues,
        elsewhere);
  }

  private Work arrive(Sandbox sandbox, String id, String queue) {
    Arrival arrival =
        run.arrive(
            new Hop.Content(
                Direction.RECEIVED,
                queue,
                new Hop.Route("events", "key"),
                Map.of(Propagation.HEADER, sandbox.id().value()),
                new byte[0],
                new Hop.Ids(null, id, null)),
            "listener " + queue);
    assertThat(arrival).isInstanceOf(Arrival.Accepted.class);
    return ((Arrival.Accepted) arrival).work();
  }

  @RepeatedTest(20)
  void the_end_waits_for_messages_whose_listeners_send_more(Random random) {
    List<Sandbox> sandboxes = List.of(open(Duration.ofSeconds(30)), open(Duration.ofSeconds(30)));
    int depth = 5 + random.nextInt(20);
    AtomicInteger handled = new AtomicInteger();
    for (Sandbox sandbox : sandboxes) {
      hand(sandbox, 0, depth, handled);
    }
    for (Sandbox sandbox : sandboxes) {
      run.end(sandbox, null);
    }
    assertThat(handled).hasValue(2 * 2 * depth);
  }

  /** Each message goes to two queues; what receives from the first sends the next. */
  private void hand(Sandbox sandbox, int number, int depth, AtomicInteger handled) {
    if (number == depth) {
      return;
    }
    send(sandbox, "m" + number, List.of("a", "b"), false);
    for (String queue : List.of("a", "b")) {
      broker.execute(
          () -> {
            Work work = arrive(sandbox, "m" + number, queue);
            if (queue.equals("a")) {
              hand(sandbox, number + 1, depth, handled);
            }
            handled.incrementAndGet();
            work.finish(null);
          });
    }
  }

  @Test
  void a_message_that_does_not_arrive_is_named() {
    Sandbox sandbox = open(Duration.ofMillis(50));
    send(sandbox, "m1", List.of("a"), false);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("message m1 in transit to queue a")
        .hasMessageContaining("sent key, to be received from a");
  }

  @Test
  void a_message_that_is_lost_or_left_the_process_is_not_waited_for() {
    Sandbox sandbox = open(Duration.ofSeconds(30));
    send(sandbox, "m1", List.of("a"), false);
    send(sandbox, "m2", List.of(), true);
    sandbox.notInTransit("m1", "a");
    sandbox.notInTransit("never", "sent");
    run.end(sandbox, null);
    assertThat(sandbox.journal().toString()).contains("sent key, left the process");
  }

  @Test
  void the_same_message_may_be_on_its_way_more_than_once() {
    Sandbox sandbox = open(Duration.ofMillis(50));
    sandbox.inTransit("m", "a");
    sandbox.inTransit("m", "a");
    arrive(sandbox, "m", "a").finish(null);
    assertThatThrownBy(() -> run.end(sandbox, null)).hasMessageContaining("message m in transit");
  }

  @Test
  void nothing_is_expected_any_more_once_a_message_to_oneself_has_come() {
    Sandbox sandbox = open(Duration.ofSeconds(30));
    try (Scope scope = sandbox.test().bind()) {
      send(sandbox, "m", List.of("a"), false);
      broker.execute(() -> arrive(sandbox, "m", "a").finish(null));
      assertReceive(received("events", "key"));
      long start = System.nanoTime();
      refuteReceive(received("a"), Duration.ofSeconds(20));
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(10));
    }
    run.end(sandbox, null);
  }

  @RepeatedTest(10)
  void a_declared_reply_is_waited_for(Random random) {
    Sandbox sandbox = open(Duration.ofSeconds(30));
    AtomicInteger handled = new AtomicInteger();
    sandbox.expectReply(sent("events", "key"), received("replies"));
    int requests = 1 + random.nextInt(5);
    for (int i = 0; i < requests; i++) {
      send(sandbox, "m" + i, List.of(), true);
      broker.execute(
          () -> {
            Work work = arrive(sandbox, "reply", "replies");
            handled.incrementAndGet();
            work.finish(null);
          });
    }
    run.end(sandbox, null);
    assertThat(handled).hasValue(requests);
  }

  @Test
  void a_declared_reply_that_is_missing_is_named() {
    Sandbox sandbox = open(Duration.ofMillis(50));
    sandbox.expectReply(sent("events", "key"), received("replies"));
    send(sandbox, "m1", List.of(), true);
    send(sandbox, "m2", List.of(), true);
    arrive(sandbox, "reply", "replies").finish(null);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageContaining("1 of 2 replies are missing: received on \"replies\"")
        .hasMessageContaining("for sent to exchange \"events\" with \"key\"");
  }
}
