package io.sandpiper.amqp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Workers that are processes, and none that work: those are in the example. */
@Timeout(120)
class ContractProcessTests {

  private static final VirtualHost BROKER =
      new VirtualHost("broker", 1234, "me", "secret", "a/b", false);

  @TempDir Path directory;

  private static WorkerContract contract(String script, String... arguments) {
    return WorkerContract.of(shell(script, arguments))
        .requests("requests." + UUID.randomUUID())
        .replies("replies." + UUID.randomUUID())
        .request(new byte[0], "text/plain");
  }

  @Test
  void one_that_ends_is_an_error_with_its_exit_code_and_output() {
    assertThatIllegalStateException()
        .isThrownBy(() -> contract("echo out; echo cannot find my settings >&2; exit 3").check())
        .withMessageStartingWith("The worker ended with exit code 3 before it consumed")
        .withMessageContaining("Nothing tells it where the broker is: use broker(")
        .withMessageContaining("Worker: /bin/sh -c echo out;")
        .withMessageEndingWith("Its output:%nout%ncannot find my settings".formatted());
  }

  @Test
  void one_that_never_consumes_is_an_error_and_does_not_stay() throws Exception {
    Path pid = directory.resolve("pid");
    assertThatIllegalStateException()
        .isThrownBy(
            () ->
                contract("echo $$ >pid; echo up; exec cat")
                    .directory(directory)
                    .broker("AMQP_URL")
                    .timeout(Duration.ofSeconds(2))
                    .check())
        .withMessageContaining("does not consume from queue")
        .withMessageContaining(
            "Check that it reads the broker's address from where the placeholders are")
        .withMessageEndingWith("Its output:%nup".formatted());

    assertThat(ProcessHandle.of(Long.parseLong(Files.readString(pid).strip()))).isEmpty();
  }

  @Test
  void a_command_that_is_not_there_is_an_error_that_names_it() {
    assertThatIllegalStateException()
        .isThrownBy(
            () ->
                WorkerContract.of(List.of("/no/such/worker"))
                    .requests("requests." + UUID.randomUUID())
                    .replies("replies." + UUID.randomUUID())
                    .request(new byte[0], "text/plain")
                    .check())
        .withMessageContainingAll("exit code 127", "/no/such/worker", "not found");
  }

  @Test
  void a_directory_that_is_not_there_is_an_error() {
    assertThatIllegalStateException()
        .isThrownBy(() -> contract("true").directory(directory.resolve("none")).check())
        .withMessageContainingAll("cannot be started", "its directory");
  }

  @Test
  void placeholders_are_the_brokers_address_and_other_braces_stay() throws Exception {
    assertThat(
            outputOf(
                Map.of("URL", "{uri}", "WHO", "{user}:{password}"),
                "echo $1; echo $2; echo $WHO; test \"$URL\" = 'amqp://me:secret@broker:1234/a%2Fb'; echo $?",
                "{host}:{port}/{vhost}",
                "{\"uri\": {}}"))
        .isEqualTo("broker:1234/a/b%n{\"uri\": {}}%nme:secret%n0".formatted());
  }

  @Test
  void the_uri_is_not_repeated_with_its_password() throws Exception {
    assertThat(outputOf(Map.of(), "echo connecting to $1", "{uri}"))
        .isEqualTo("connecting to {uri}");
  }

  @Test
  void the_last_of_much_output_is_kept() throws Exception {
    assertThat(outputOf(Map.of(), "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo line $i; done"))
        .startsWith("line 4951" + System.lineSeparator())
        .endsWith("line 5000");
  }

  private static String outputOf(
      Map<String, String> environment, String script, String... arguments) throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    try (ContractWorker worker =
        new ContractProcess.Command(shell(script, arguments), null, environment)
            .start(BROKER, ended::countDown)) {
      assertThat(ended.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(Objects.requireNonNull(worker.ending())).isEqualTo("exit code 0");
      return worker.output();
    }
  }

  private static List<String> shell(String script, String... arguments) {
    return Stream.concat(Stream.of("/bin/sh", "-c", script, "worker"), Stream.of(arguments))
        .toList();
  }
}
