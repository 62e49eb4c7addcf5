package io.sandpiper.example;

import static org.assertj.core.api.Assertions.assertThat;

import io.sandpiper.Isolation;
import io.sandpiper.Sandbox;
import io.sandpiper.SandboxProcess;
import io.sandpiper.Sandboxed;
import java.io.BufferedReader;
import java.io.IOException;
import org.junit.jupiter.api.RepeatedTest;

/** A process in another language that a test starts for itself. */
@Sandboxed(isolation = Isolation.NONE)
class PythonProcessTests {

  private static final String PRINT_IDS =
      """
      import os
      from sandpiper_worker._process_ids import ids_of_process, with_ids
      print(with_ids({"x-tenant": "acme"}, ids_of_process(os.environ)))
      """;

  @RepeatedTest(2)
  void it_answers_for_the_test_that_started_it(Sandbox sandbox) throws IOException {
    Process process = SandboxProcess.start(Python.command("-c", PRINT_IDS));

    try (BufferedReader output = process.inputReader()) {
      String id = sandbox.id().value();
      assertThat(output.readLine())
          .contains("'x-test-id': '" + id + "'", "'baggage': 'test.id=" + id + "'")
          .contains("'x-tenant': 'acme'");
    }
  }
}
