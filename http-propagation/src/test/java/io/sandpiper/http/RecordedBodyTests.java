package io.sandpiper.http;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import java.io.ByteArrayInputStream;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.web.server.LocalServerPort;

/** That mailbox and application read the same body, or the application alone. */
@TomcatTest
@Sandboxed(isolation = Isolation.NONE)
class RecordedBodyTests {

  private static final String JSON = "{ \"name\" : \"Zoë\",\n\t\"n\" : 1 }\n";

  private RawClient client;

  @BeforeEach
  void start(@LocalServerPort int port) {
    client = new RawClient(port);
  }

  private String post(Sandbox sandbox, String path, String type, BodyPublisher body)
      throws Exception {
    return client.post(path, body, "x-test-id", sandbox.id().value(), "content-type", type).body();
  }

  private static BodyPublisher unknownLength(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes));
  }

  @ParameterizedTest
  @ValueSource(strings = {"stream", "reader", "nonblocking", "redispatched"})
  void json_is_recorded_and_read_by_the_application_in_any_way(String way, Sandbox sandbox)
      throws Exception {
    String type = "Application/JSON; charset=utf-8";

    assertThat(post(sandbox, "/raw/" + way, type, BodyPublishers.ofString(JSON))).isEqualTo(JSON);
    assertThat(assertReceive(received("POST /raw/" + way).json("/n", 1)).text()).isEqualTo(JSON);
  }

  @Test
  void so_is_json_of_another_name(Sandbox sandbox) throws Exception {
    String type = "application/merge-patch+json";

    assertThat(post(sandbox, "/raw/stream", type, BodyPublishers.ofString(JSON))).isEqualTo(JSON);
    assertReceive(received("POST /raw/stream").json("/n", 1));
  }

  @Test
  void without_a_body_there_is_none(Sandbox sandbox) throws Exception {
    assertThat(post(sandbox, "/raw/stream", "application/json", BodyPublishers.noBody())).isEmpty();
    assertThat(assertReceive(received("POST /raw/stream")).body()).isEmpty();
  }

  @Test
  void stream_and_reader_exclude_each_other_as_ever(Sandbox sandbox) throws Exception {
    assertThat(post(sandbox, "/raw/both", "application/json", BodyPublishers.ofString(JSON)))
        .isEqualTo("IllegalStateException");
  }

  @Test
  void parameters_of_the_query_are_found_as_ever(Sandbox sandbox) throws Exception {
    String path = "/raw/parameter?name=ann";

    assertThat(post(sandbox, path, "application/json", BodyPublishers.ofString(JSON)))
        .isEqualTo("ann");
  }

  @Test
  void json_of_unknown_length_is_left_to_the_application(Sandbox sandbox) throws Exception {
    assertThat(post(sandbox, "/raw/stream", "application/json", unknownLength(JSON)))
        .isEqualTo(JSON);
    assertLeft("/raw/stream");
    assertThat(sandbox.journal().toString()).contains(RecordedBody.TOO_LONG);
  }

  @Test
  void so_is_json_that_is_long(Sandbox sandbox) throws Exception {
    String json = "\"" + "x".repeat(RecordedBody.LIMIT) + "\"";

    assertThat(post(sandbox, "/raw/stream", "application/json", BodyPublishers.ofString(json)))
        .isEqualTo(json);
    assertLeft("/raw/stream");
    assertThat(sandbox.journal().toString()).contains(RecordedBody.TOO_LONG);
  }

  @Test
  void so_is_what_is_not_json(Sandbox sandbox) throws Exception {
    assertThat(post(sandbox, "/raw/nonblocking", "text/plain", BodyPublishers.ofString(JSON)))
        .isEqualTo(JSON);
    assertLeft("/raw/nonblocking");
  }

  @Test
  void so_is_a_form(Sandbox sandbox) throws Exception {
    String type = "application/x-www-form-urlencoded";

    assertThat(post(sandbox, "/form", type, BodyPublishers.ofString("name=ann"))).isEqualTo("ann");
    assertLeft("/form");
  }

  @Test
  void so_is_an_upload(Sandbox sandbox) throws Exception {
    String parts =
        """
        --b\r
        Content-Disposition: form-data; name="name"\r
        \r
        ann\r
        --b\r
        Content-Disposition: form-data; name="file"; filename="a.json"\r
        Content-Type: application/json\r
        \r
        {"n":1}\r
        --b--\r
        """;

    assertThat(
            post(
                sandbox,
                "/upload",
                "multipart/form-data; boundary=b",
                BodyPublishers.ofString(parts)))
        .isEqualTo("ann={\"n\":1}");
    assertLeft("/upload");
  }

  private static void assertLeft(String path) {
    assertThat(assertReceive(received("POST " + path)).body()).isEmpty();
  }
}
