package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sandpiper.Sandbox;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.springframework.amqp.core.Message;

/** Tests that fetch messages from a queue that others fetch from too. */
abstract class PollingContract extends WithRawClient {

  static final int TESTS = 4;
  static final int MESSAGES = 6;

  Sandbox one;
  Sandbox two;

  @BeforeEach
  void openTwoTests() {
    one = RawClient.sandbox("T.one");
    two = RawClient.sandbox("T.two");
  }

  @AfterEach
  void endThem() {
    RawClient.end(one);
    RawClient.end(two);
  }

  /** Makes what fetches the messages of one test, {@link #MESSAGES} of them. */
  @FunctionalInterface
  interface Fetching {
    Callable<List<String>> of(Sandbox sandbox) throws Exception;
  }

  /** Lets several tests fetch at once: each gets all of its own and nothing else. */
  void assertEachGetsItsOwn(String queue, Fetching fetching) throws Exception {
    List<Sandbox> sandboxes =
        IntStream.range(0, TESTS).mapToObj(i -> RawClient.sandbox("T.fetches" + i)).toList();
    ExecutorService pool = Executors.newFixedThreadPool(TESTS);
    try {
      List<Future<List<String>>> results = new ArrayList<>();
      for (Sandbox sandbox : sandboxes) {
        results.add(pool.submit(fetching.of(sandbox)));
      }
      for (int i = 0; i < MESSAGES; i++) {
        for (Sandbox sandbox : sandboxes) {
          client.send(queue, sandbox.id().value(), sandbox.testName() + " " + i);
        }
      }
      for (int i = 0; i < TESTS; i++) {
        String name = sandboxes.get(i).testName();
        assertThat(results.get(i).get(60, TimeUnit.SECONDS))
            .containsExactlyInAnyOrderElementsOf(
                IntStream.range(0, MESSAGES).mapToObj(number -> name + " " + number).toList());
      }
    } finally {
      pool.shutdownNow();
      sandboxes.forEach(RawClient::end);
    }
    // The broker may read the last acknowledgement after the question.
    await().pollInSameThread().until(() -> client.ready(queue) == 0);
  }

  static @Nullable String text(@Nullable Message message) {
    return message == null ? null : RawConsumerTests.text(message.getBody());
  }
}
