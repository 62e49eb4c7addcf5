package io.sandpiper.http;

import static io.sandpiper.Expectation.sent;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static io.sandpiper.SandboxAssertions.refuteReceive;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.sandpiper.Expectation;
import io.sandpiper.Hop;
import io.sandpiper.Isolation;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import io.sandpiper.Sandboxed;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpRequest;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.client.ClientHttpRequestExecution;
import org.springframework.http.client.ClientHttpRequestInterceptor;
import org.springframework.http.client.ClientHttpResponse;
import org.springframework.mock.http.client.MockClientHttpResponse;
import org.springframework.web.client.ResourceAccessException;
import org.springframework.web.client.RestClient;
import org.springframework.web.client.RestTemplate;

/** Everything but the network: requests end in an interceptor that keeps their headers. */
@Sandboxed(isolation = Isolation.NONE)
class StampingInterceptorTests {

  private final List<HttpHeaders> wire = new ArrayList<>();

  private ClientHttpResponse network(
      HttpRequest request, byte[] body, ClientHttpRequestExecution next) throws IOException {
    if (request.getURI().getPath().equals("/refused")) {
      throw new ConnectException("refused");
    }
    HttpHeaders headers = new HttpHeaders();
    headers.putAll(request.getHeaders());
    wire.add(headers);
    return new MockClientHttpResponse(new byte[0], HttpStatus.ACCEPTED);
  }

  private RestClient client(String... hosts) {
    return HttpPropagation.wrap(RestClient.builder(), hosts)
        .requestInterceptor(this::network)
        .build();
  }

  private void post(RestClient client, String uri) {
    client
        .post()
        .uri(uri)
        .contentType(MediaType.APPLICATION_JSON)
        .body("{\"n\":1}")
        .retrieve()
        .toBodilessEntity();
  }

  @Test
  void a_request_to_loopback_carries_the_id(Sandbox sandbox) {
    post(client(), "http://localhost:81/x");

    assertThat(wire.get(0).get("X-Test-Id")).containsExactly(sandbox.id().value());
    assertThat(wire.get(0).headerNames()).contains("X-Test-Id");
    assertThat(wire.get(0).get("baggage")).containsExactly("test.id=" + sandbox.id().value());
  }

  @Test
  void a_request_to_a_stranger_carries_none_and_is_recorded() {
    post(client("worker"), "https://example.org/x");

    assertThat(wire.get(0).headerNames()).doesNotContain("X-Test-Id", "baggage");
    assertThat(assertReceive(sent("POST https://example.org/x")).header("x-test-id")).isNull();
  }

  @Test
  void the_name_of_a_database_goes_only_where_the_id_goes() {
    Run run = Run.create();
    Sandbox test = run.open(Sandbox.Settings.of("T.with_database", Isolation.DATABASE, this));
    test.part("database", () -> new NamedDatabase("sp_c_1f_2"));
    try (Scope scope = test.test().bind()) {
      post(client("worker"), "http://worker/x");
      post(client("worker"), "https://example.org/x");
    } finally {
      run.end(test, null);
    }

    assertThat(wire.get(0).get("baggage"))
        .containsExactly("test.id=" + test.id().value() + ",test.db=sp_c_1f_2");
    assertThat(wire.get(1).headerNames()).doesNotContain("X-Test-Id", "baggage");
  }

  private record NamedDatabase(String databaseToJoin) implements SandboxPart {

    @Override
    public void fence() {}

    @Override
    public void rollBack() {}

    @Override
    public @Nullable String heldUpBy(Thread thread) {
      return null;
    }
  }

  @Test
  void a_named_host_is_no_stranger(Sandbox sandbox) {
    post(client("worker"), "http://worker/x");

    assertThat(wire.get(0).getFirst("X-Test-Id")).isEqualTo(sandbox.id().value());
  }

  @Test
  void baggage_of_the_application_stays(Sandbox sandbox) {
    client()
        .get()
        .uri("http://localhost/x")
        .header("baggage", "tenant=7;secure", "user=ann")
        .retrieve()
        .toBodilessEntity();

    assertThat(wire.get(0).get("baggage"))
        .containsExactly("tenant=7;secure,user=ann,test.id=" + sandbox.id().value());
  }

  @Test
  void an_id_that_was_there_is_replaced(Sandbox sandbox) {
    client()
        .get()
        .uri("http://localhost/x")
        .header("x-test-id", "sp1.other.000001.mac")
        .retrieve()
        .toBodilessEntity();

    assertThat(wire.get(0).get("X-Test-Id")).containsExactly(sandbox.id().value());
  }

  @Test
  void a_hop_has_method_url_headers_and_body(Sandbox sandbox) {
    post(client(), "http://ann:secret@localhost:81/a b?token=secret#part");

    Hop hop =
        assertReceive(
            sent("POST http://localhost:81/a%20b")
                .json("/n", 1)
                .header("content-type", "application/json"));

    assertThat(hop.direction()).isEqualTo(Hop.Direction.SENT);
    assertThat(sandbox.journal().toString())
        .contains("POST http://localhost:81/a%20b -> 202")
        .doesNotContain("secret");
  }

  @Test
  void an_answered_request_is_no_longer_outstanding() {
    post(client(), "http://localhost/x");

    // Would wait an hour for an answer.
    refuteReceive(Expectation.received("anything"), Duration.ofHours(1));
  }

  @Test
  void neither_is_one_that_could_not_be_sent(Sandbox sandbox) {
    assertThatExceptionOfType(ResourceAccessException.class)
        .isThrownBy(() -> post(client(), "http://localhost/refused"))
        .withCauseInstanceOf(ConnectException.class);

    refuteReceive(Expectation.received("anything"), Duration.ofHours(1));
    assertThat(sandbox.journal().toString())
        .contains("could not send POST http://localhost/refused: java.net.ConnectException");
  }

  @Test
  void outside_a_sandbox_a_request_is_left_alone() throws Exception {
    Sandbox.outside(
        () -> {
          post(client(), "http://localhost/x");
          return null;
        });

    assertThat(wire.get(0).headerNames()).doesNotContain("X-Test-Id", "baggage");
  }

  @Test
  void wrapping_twice_adds_hosts_and_no_second_interceptor(Sandbox sandbox) {
    RestTemplate template = new RestTemplate();
    HttpPropagation.wrap(HttpPropagation.wrap(template, "one"), "two");
    List<ClientHttpRequestInterceptor> interceptors = template.getInterceptors();

    assertThat(interceptors).hasSize(1);
    interceptors.add(this::network);
    template.getForEntity("http://one/x", Void.class);
    template.getForEntity("http://two/x", Void.class);
    assertThat(wire)
        .extracting(headers -> headers.get("X-Test-Id"))
        .containsExactly(List.of(sandbox.id().value()), List.of(sandbox.id().value()));
    assertThat(sandbox.journal().entries())
        .filteredOn(entry -> entry.text().startsWith("sent "))
        .hasSize(2);
  }
}
