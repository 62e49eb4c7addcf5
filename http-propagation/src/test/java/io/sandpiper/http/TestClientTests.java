package io.sandpiper.http;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.resttestclient.TestRestTemplate;
import org.springframework.boot.resttestclient.autoconfigure.AutoConfigureRestTestClient;
import org.springframework.boot.resttestclient.autoconfigure.AutoConfigureTestRestTemplate;
import org.springframework.test.web.servlet.client.RestTestClient;

/** Spring's own test clients need no wrapping. */
@TomcatTest
@AutoConfigureTestRestTemplate
@AutoConfigureRestTestClient
@Sandboxed(isolation = Isolation.NONE)
class TestClientTests {

  @Test
  void test_rest_template(@Autowired TestRestTemplate template, Sandbox sandbox) {
    assertThat(template.getForObject("/whose", String.class)).isEqualTo(sandbox.testName());
    assertReceive(received("GET /whose"));
  }

  @Test
  void a_derived_test_rest_template(@Autowired TestRestTemplate template, Sandbox sandbox) {
    assertThat(template.withBasicAuth("ann", "x").getForObject("/whose", String.class))
        .isEqualTo(sandbox.testName());
  }

  @Test
  void rest_test_client(@Autowired RestTestClient client, Sandbox sandbox) {
    client.get().uri("/whose").exchange().expectBody(String.class).isEqualTo(sandbox.testName());
    assertReceive(received("GET /whose"));
  }
}
