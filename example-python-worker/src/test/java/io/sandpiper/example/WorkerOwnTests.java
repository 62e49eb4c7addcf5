package io.sandpiper.example;

import static org.assertj.core.api.Assertions.assertThat;
import static org.springframework.boot.test.context.SpringBootTest.WebEnvironment.RANDOM_PORT;

import java.io.IOException;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.amqp.autoconfigure.RabbitConnectionDetails;
import org.springframework.boot.test.context.SpringBootTest;

/** The worker's own tests, which are written in Python. */
@SpringBootTest(webEnvironment = RANDOM_PORT)
class WorkerOwnTests {

  @Test
  void its_unit_tests_pass() throws Exception {
    assertPasses(discover("tests"));
  }

  @Test
  void its_integration_tests_pass(@Autowired RabbitConnectionDetails broker) throws Exception {
    ProcessBuilder tests = discover("tests_integration");
    tests.environment().put("SANDPIPER_WORKER_TEST_AMQP_URL", PythonWorker.url(broker));
    assertPasses(tests);
  }

  private static ProcessBuilder discover(String directory) {
    return Python.command("-m", "unittest", "discover", "-s", directory);
  }

  private static void assertPasses(ProcessBuilder tests) throws IOException, InterruptedException {
    Process process = tests.redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = process.inputReader().lines().collect(Collectors.joining("\n"));
    assertThat(process.waitFor()).as(output).isZero();
    // unittest calls it a success when it finds no test.
    assertThat(output).containsPattern("Ran [1-9][0-9]* tests");
  }
}
