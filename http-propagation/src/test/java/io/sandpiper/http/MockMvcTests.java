package io.sandpiper.http;

import static io.sandpiper.Expectation.received;
import static io.sandpiper.SandboxAssertions.assertReceive;
import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.Sandboxed;
import io.sandpiper.Work;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.webmvc.test.autoconfigure.AutoConfigureMockMvc;
import org.springframework.http.MediaType;
import org.springframework.test.web.servlet.assertj.MockMvcTester;

/** Requests that the test's own thread serves. */
@SpringBootTest(classes = TestApp.class)
@AutoConfigureMockMvc
@Sandboxed(isolation = Isolation.NONE)
class MockMvcTests {

  @Autowired private MockMvcTester mvc;

  @Test
  void a_request_without_an_id_keeps_the_scope_of_the_thread(Sandbox sandbox) {
    Work test = Work.current();

    assertThat(mvc.get().uri("/whose")).hasBodyTextEqualTo(sandbox.testName());
    assertThat(Work.current()).isSameAs(test);
  }

  @Test
  void a_request_with_an_id_is_received(Sandbox sandbox) {
    Work test = Work.current();

    assertThat(
            mvc.post()
                .uri("/sync")
                .header("x-test-id", sandbox.id().value())
                .contentType(MediaType.APPLICATION_JSON)
                .content("{\"n\":1}"))
        .hasBodyTextEqualTo(sandbox.testName());

    assertReceive(received("POST /sync").json("/n", 1));
    assertThat(Work.current()).isSameAs(test);
  }

  @Test
  void an_asynchronous_request_ends(Sandbox sandbox) {
    assertThat(
            mvc.post()
                .uri("/callable")
                .header("x-test-id", sandbox.id().value())
                .contentType(MediaType.APPLICATION_JSON)
                .content("{}"))
        .hasBodyTextEqualTo(sandbox.testName());

    assertReceive(received("POST /callable"));
  }

  @Test
  void a_streamed_body_is_written_in_the_scope_of_its_request(Sandbox sandbox) {
    OpenSandbox neighbour = OpenSandbox.named("neighbour");

    assertThat(mvc.get().uri("/streamed").header("x-test-id", neighbour.id()))
        .hasBodyTextEqualTo("neighbour");
    assertThat(mvc.get().uri("/streamed").header("x-test-id", sandbox.id().value()))
        .hasBodyTextEqualTo(sandbox.testName());
    assertThat(mvc.get().uri("/streamed")).hasBodyTextEqualTo(sandbox.testName());

    assertReceive(received("GET /streamed"));
    neighbour.close();
  }

  @Test
  void a_late_request_is_refused() {
    OpenSandbox ended = OpenSandbox.named("ended");
    ended.close();

    assertThat(mvc.get().uri("/whose").header("x-test-id", ended.id()))
        .hasStatus(410)
        .hasContentType(MediaType.APPLICATION_PROBLEM_JSON);
  }
}
