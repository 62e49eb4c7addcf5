package io.sandpiper.http;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Expectation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.http.MediaType;
import org.springframework.web.client.RestClient;

/** Several tests at once on one Tomcat, whose threads and those of the client they share. */
@TomcatTest
class InterleavingTests {

  private static final int SANDBOXES = 8;
  private static final int REQUESTS = 200;
  private static final List<String> PATHS = List.of("/sync", "/callable", "/deferred");

  @LocalServerPort private int port;
  private RestClient client;
  private ExecutorService clientThreads;

  private record Request(OpenSandbox sandbox, String path, int number) {}

  @BeforeEach
  void start(@Autowired RestClient.Builder builder) {
    client = builder.baseUrl("http://localhost:" + port).build();
    clientThreads = Executors.newFixedThreadPool(6);
  }

  @AfterEach
  void stop() {
    clientThreads.shutdownNow();
  }

  @Test
  void every_request_is_served_in_its_own_sandbox_and_found_in_its_own_mailbox() throws Exception {
    long seed = System.nanoTime();
    List<OpenSandbox> sandboxes =
        IntStream.range(0, SANDBOXES).mapToObj(i -> OpenSandbox.named("test " + i)).toList();
    List<Request> schedule = schedule(new Random(seed), sandboxes);

    List<Future<String>> answers = new ArrayList<>();
    for (Request request : schedule) {
      answers.add(clientThreads.submit(() -> request.sandbox().call(() -> send(request))));
    }

    for (int i = 0; i < REQUESTS; i++) {
      Request request = schedule.get(i);
      assertThat(answers.get(i).get(30, TimeUnit.SECONDS))
          .as("answer to %s with seed %d", request, seed)
          .isEqualTo(request.sandbox().sandbox().testName());
      request.sandbox().call(() -> assertReceive(expected(request)));
    }
    for (OpenSandbox sandbox : sandboxes) {
      sandbox.close();
      assertThat(sandbox.journal())
          .as("hops received by %s with seed %d", sandbox, seed)
          .filteredOn(entry -> entry.startsWith("received "))
          .hasSize((int) schedule.stream().filter(r -> r.sandbox().equals(sandbox)).count());
    }
  }

  private static List<Request> schedule(Random random, List<OpenSandbox> sandboxes) {
    return IntStream.range(0, REQUESTS)
        .mapToObj(
            number ->
                new Request(
                    sandboxes.get(random.nextInt(SANDBOXES)),
                    PATHS.get(random.nextInt(PATHS.size())),
                    number))
        .toList();
  }

  private static Expectation expected(Request request) {
    return received("POST " + request.path()).json("/number", request.number());
  }

  private String send(Request request) {
    return client
        .post()
        .uri(request.path())
        .contentType(MediaType.APPLICATION_JSON)
        .body(Map.of("number", request.number()))
        .retrieve()
        .requiredBody(String.class);
  }

  @Test
  void two_handlers_that_run_at_the_same_moment_do_not_mix() throws Exception {
    try (OpenSandbox one = OpenSandbox.named("one");
        OpenSandbox two = OpenSandbox.named("two")) {
      Future<String> first = clientThreads.submit(() -> one.call(this::meet));
      Future<String> second = clientThreads.submit(() -> two.call(this::meet));

      assertThat(first.get(30, TimeUnit.SECONDS)).isEqualTo("one");
      assertThat(second.get(30, TimeUnit.SECONDS)).isEqualTo("two");
    }
  }

  private String meet() {
    return client.get().uri("/meet").retrieve().requiredBody(String.class);
  }

  @Test
  void a_request_that_a_handler_sends_on_belongs_to_the_same_test() throws Exception {
    try (OpenSandbox one = OpenSandbox.named("one")) {
      String answer =
          one.call(() -> client.get().uri("/relay/" + port).retrieve().requiredBody(String.class));

      assertThat(answer).isEqualTo("one and one");
      one.call(() -> assertReceive(received("GET /whose")));
    }
  }
}
