package io.sandpiper.http;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Attribution;
import io.sandpiper.Isolation;
import io.sandpiper.Refusal.Reason;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.web.server.LocalServerPort;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Which test a request is served for, and which is not served. */
@TomcatTest
@Sandboxed(isolation = Isolation.NONE)
class AttributionTests {

  @Autowired private TestApp.Handlers handlers;
  private RawClient client;

  @BeforeEach
  void start(@LocalServerPort int port) {
    client = new RawClient(port);
  }

  @Test
  void by_the_header_whatever_its_case(Sandbox sandbox) throws Exception {
    String id = sandbox.id().value();

    assertThat(client.get("/whose?query=1", "X-TEST-ID", id).body()).isEqualTo(sandbox.testName());
    assertThat(assertReceive(received("GET /whose")).attribution())
        .isEqualTo(Attribution.OWN_HEADER);
  }

  @Test
  void by_baggage_alone_among_that_of_others(Sandbox sandbox) throws Exception {
    String member = "test.id=" + sandbox.id().value();

    assertThat(client.get("/whose", "baggage", "tenant=7", "baggage", member).body())
        .isEqualTo(sandbox.testName());
    assertThat(assertReceive(received("GET /whose")).attribution()).isEqualTo(Attribution.BAGGAGE);
  }

  @Test
  void without_an_id_as_in_production() throws Exception {
    assertThat(client.get("/whose").body()).isEqualTo(TestApp.NOBODY);
  }

  @Test
  void with_an_id_that_is_none_of_ours_as_in_production() throws Exception {
    assertThat(client.get("/whose", "x-test-id", "42", "baggage", "test.id=43").body())
        .isEqualTo(TestApp.NOBODY);
  }

  @Test
  void a_late_request_is_gone() throws Exception {
    OpenSandbox ended = OpenSandbox.named("EndedTests.one");
    ended.close();

    JsonNode problem = refused(Reason.LATE, 410, ended.id());

    assertThat(problem.get("title").stringValue()).isEqualTo("Gone");
    assertThat(problem.get("detail").stringValue()).contains("late").contains("EndedTests.one");
  }

  @Test
  void a_stray_is_misdirected() throws Exception {
    refused(Reason.STRAY, 421, "sp1.otherrun.000001.AAAAAAAAAAAAAAAA");
  }

  @Test
  void a_forged_id_is_a_bad_request(Sandbox sandbox) throws Exception {
    String id = sandbox.id().value();

    JsonNode problem =
        refused(Reason.FORGED, 400, id.substring(0, id.length() - 16) + "AAAAAAAAAAAAAAAA");

    assertThat(problem.get("detail").stringValue()).doesNotContain("AAAA");
  }

  @Test
  void so_is_a_malformed_one() throws Exception {
    refused(Reason.MALFORMED, 400, "sp1.<script>");
  }

  @Test
  void so_are_two_ids(Sandbox sandbox) throws Exception {
    refused(Reason.MALFORMED, 400, sandbox.id().value() + ", " + sandbox.id().value());
  }

  private JsonNode refused(Reason reason, int status, String id) throws Exception {
    int calls = handlers.calls.get();
    long refusals = Run.ofThisJvm().refusals(reason);

    HttpResponse<String> response = client.get("/whose", "X-Test-Id", id);

    assertThat(response.statusCode()).isEqualTo(status);
    assertThat(response.headers().firstValue("content-type")).hasValue("application/problem+json");
    assertThat(handlers.calls).hasValue(calls);
    assertThat(Run.ofThisJvm().refusals(reason)).isEqualTo(refusals + 1);
    JsonNode problem = JsonMapper.shared().readTree(response.body());
    assertThat(problem.propertyNames())
        .containsExactly("type", "title", "status", "detail", "reason");
    assertThat(problem.get("type").stringValue()).isEqualTo("about:blank");
    assertThat(problem.get("status").intValue()).isEqualTo(status);
    assertThat(problem.get("reason").stringValue()).isEqualToIgnoringCase(reason.name());
    return problem;
  }
}
