package io.sandpiper.http;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.web.context.request.async.DeferredResult;

/** How long a request is work in progress, and which failures are its own. */
@TomcatTest
@Sandboxed(isolation = Isolation.NONE)
class HandlingTests {

  @Autowired private TestApp.Handlers handlers;
  private RawClient client;

  @BeforeEach
  void start(@LocalServerPort int port) {
    client = new RawClient(port);
  }

  @Test
  void a_callable_runs_in_the_scope_and_until_it_has_returned(Sandbox sandbox) throws Exception {
    CompletableFuture<HttpResponse<String>> answer =
        client.getAsync("/slow-callable", "x-test-id", sandbox.id().value());

    assertThat(handlers.callablesBegun.poll(10, TimeUnit.SECONDS)).isEqualTo(sandbox.testName());
    awaitLeftOpen("/slow-callable");
    assertIsInProgress("GET /slow-callable");
    handlers.callableMayReturn.countDown();

    assertReceive(received("GET /slow-callable"));
    assertThat(answer.get(10, TimeUnit.SECONDS).body()).isEqualTo(sandbox.testName());
  }

  @Test
  void a_deferred_result_is_in_progress_until_it_is_set(Sandbox sandbox) throws Exception {
    CompletableFuture<HttpResponse<String>> answer =
        client.getAsync("/open-deferred", "x-test-id", sandbox.id().value());

    DeferredResult<String> result = handlers.deferred.poll(10, TimeUnit.SECONDS);
    awaitLeftOpen("/open-deferred");
    assertIsInProgress("GET /open-deferred");
    result.setResult("done");

    assertReceive(received("GET /open-deferred"));
    assertThat(answer.get(10, TimeUnit.SECONDS).body()).isEqualTo("done");
  }

  @Test
  void the_end_of_a_test_waits_for_an_asynchronous_request() throws Exception {
    OpenSandbox sandbox = OpenSandbox.named("one");
    CompletableFuture<HttpResponse<String>> answer =
        client.getAsync("/open-deferred", "x-test-id", sandbox.id());
    DeferredResult<String> result = handlers.deferred.poll(10, TimeUnit.SECONDS);
    awaitLeftOpen("/open-deferred");

    CompletableFuture<Void> end = CompletableFuture.runAsync(sandbox::close);
    assertThat(end).isNotDone();
    result.setResult("done");

    assertThat(end).succeedsWithin(Duration.ofSeconds(10));
    assertThat(answer.get(10, TimeUnit.SECONDS).body()).isEqualTo("done");
  }

  /** Until then it would be in progress because the handler has not returned. */
  private void awaitLeftOpen(String path) throws InterruptedException {
    String left;
    do {
      left = handlers.leftOpen.poll(10, TimeUnit.SECONDS);
      assertThat(left).as("a request that was left open").isNotNull();
    } while (!left.equals(path));
  }

  private static void assertIsInProgress(String address) {
    assertThatExceptionOfType(AssertionError.class)
        .isThrownBy(() -> assertReceive(received(address), Duration.ZERO))
        .withMessageContaining(address);
  }

  @Test
  void a_request_that_timed_out_ends(Sandbox sandbox) throws Exception {
    assertThat(client.get("/timeout", "x-test-id", sandbox.id().value()).statusCode())
        .isEqualTo(503);

    assertReceive(received("GET /timeout"));
  }

  @Test
  void an_exception_that_nobody_resolves_is_the_failure_of_the_handling(Sandbox sandbox)
      throws Exception {
    assertFails("/boom", sandbox);
  }

  @Test
  void so_is_that_of_a_callable(Sandbox sandbox) throws Exception {
    assertFails("/callable-boom", sandbox);
  }

  @Test
  void an_error_page_is_made_in_the_scope(Sandbox sandbox) throws Exception {
    String page = client.get("/boom", "x-test-id", sandbox.id().value()).body();

    assertThat(page).contains("\"" + sandbox.testName() + "\"");
    assertReceivedAndFailed("GET /boom");
  }

  private void assertFails(String path, Sandbox sandbox) throws Exception {
    assertThat(client.get(path, "x-test-id", sandbox.id().value()).statusCode()).isEqualTo(500);
    assertReceivedAndFailed("GET " + path);
  }

  private static void assertReceivedAndFailed(String address) {
    assertThatExceptionOfType(AssertionError.class)
        .isThrownBy(() -> assertReceive(received(address)))
        .havingCause()
        .isInstanceOf(IllegalStateException.class)
        .withMessage("boom");
  }

  @Test
  void an_exception_that_the_application_resolves_is_none(Sandbox sandbox) throws Exception {
    assertThat(client.get("/conflict", "x-test-id", sandbox.id().value()).statusCode())
        .isEqualTo(503);

    assertReceive(received("GET /conflict"));
  }
}
