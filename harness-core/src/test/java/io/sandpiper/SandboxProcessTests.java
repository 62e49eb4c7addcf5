package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sandpiper.context.Scope;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Processes that work for a test; they are JVMs, as each machine with these tests has that. */
@Timeout(120)
class SandboxProcessTests {

  private static final String SECRET = "a secret that both know";

  private final Run run = new Run(Ids.random(SECRET));
  private final List<Process> started = new ArrayList<>();

  @AfterEach
  void stop() {
    started.forEach(Process::destroyForcibly);
  }

  private Sandbox open(String name, Duration drain) {
    return run.open(Sandbox.Settings.of(name, Isolation.NONE, this).withDrain(drain));
  }

  private Sandbox open(String name) {
    return open(name, Duration.ofSeconds(60));
  }

  private static ProcessBuilder child(String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-Xshare:auto"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(ProcessChild.class.getName());
    command.addAll(Arrays.asList(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().remove(SandboxProcess.TEST_ID);
    builder.environment().remove(SandboxProcess.BAGGAGE);
    builder.environment().put("SANDPIPER_SECRET", SECRET);
    return builder;
  }

  private Process start(Sandbox sandbox, ProcessBuilder builder) throws IOException {
    try (Scope scope = sandbox.test().bind()) {
      Process process = SandboxProcess.start(builder);
      started.add(process);
      return process;
    }
  }

  private static List<String> lines(Process process) throws IOException {
    try (BufferedReader reader = process.inputReader()) {
      return reader.lines().toList();
    }
  }

  private static void awaitReady(Process process) throws IOException {
    assertThat(process.inputReader().readLine()).isEqualTo("ready");
  }

  @Test
  void a_process_is_told_the_id_of_the_test_that_starts_it() throws Exception {
    Sandbox one = open("T.one");
    Sandbox other = open("T.other");
    Process ofOne = start(one, child("environment"));
    Process ofOther = start(other, child("environment"));
    assertThat(lines(ofOne)).containsExactly(one.id().value(), "test.id=" + one.id().value());
    assertThat(lines(ofOther)).containsExactly(other.id().value(), "test.id=" + other.id().value());
    run.end(one, null);
    run.end(other, null);
  }

  @Test
  void baggage_that_is_there_already_is_kept() {
    Sandbox sandbox = open("T.baggage");
    ProcessBuilder builder = new ProcessBuilder("nothing");
    builder.environment().put(SandboxProcess.BAGGAGE, "tenant=acme,test.id=sp1.old.000001.x");
    try (Scope scope = sandbox.test().bind()) {
      assertThat(SandboxProcess.stamp(builder)).isSameAs(builder);
    }
    assertThat(builder.environment())
        .containsEntry(SandboxProcess.BAGGAGE, "tenant=acme,test.id=" + sandbox.id().value())
        .containsEntry(SandboxProcess.TEST_ID, sandbox.id().value());
    run.end(sandbox, null);
  }

  @Test
  void a_process_of_nobody_is_told_nothing() throws Exception {
    Process process = SandboxProcess.start(child("environment"));
    started.add(process);
    assertThat(lines(process)).containsExactly("null", "null");
  }

  @Test
  void a_jvm_with_the_secret_works_for_the_test_that_started_it() throws Exception {
    Sandbox sandbox = open("T.parent");
    String id = sandbox.id().value();
    List<String> lines = lines(start(sandbox, child("restore")));
    assertThat(lines).hasSize(5);
    assertThat(lines.get(0)).isEqualTo("x-test-id " + id);
    assertThat(lines.get(1)).isEqualTo("baggage test.id=" + id);
    assertThat(lines.get(2)).as("on a pooled thread").isEqualTo(id);
    assertThat(lines.get(3))
        .as("a message id that the parent does not give as well")
        .startsWith(sandbox.id() + "-")
        .isNotEqualTo(sandbox.newMessageId());
    assertThat(lines.get(4)).isEqualTo("afterwards null");
    run.end(sandbox, null);
  }

  @Test
  void background_work_that_fails_in_a_child_fails_the_child() throws Exception {
    Sandbox sandbox = open("T.parent");
    Process process = start(sandbox, child("fail").redirectError(ProcessBuilder.Redirect.PIPE));
    try (BufferedReader errors = process.errorReader()) {
      assertThat(errors.lines().toList()).anyMatch(line -> line.contains("trouble in the child"));
    }
    assertThat(process.waitFor()).isNotZero();
    run.end(sandbox, null);
    assertThat(sandbox.journal().toString())
        .contains("pid %d exited with 1".formatted(process.pid()));
  }

  @Test
  void an_id_made_with_another_secret_is_refused_with_what_to_do() {
    Sandbox sandbox = open("T.parent");
    Run stranger = new Run(Ids.random("another secret"));
    for (String id : List.of(sandbox.id().value(), "sp1.broken", sandbox.id().value() + "x")) {
      assertThatThrownBy(() -> SandboxProcess.restore(stranger, Map.of(SandboxProcess.TEST_ID, id)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("SANDPIPER_SECRET")
          .hasMessageContaining("Start this JVM by SandboxProcess, which sets that variable")
          .hasMessageNotContaining("a secret that both know");
    }
    assertThat(stranger.openSandboxes()).isEmpty();
    run.end(sandbox, null);
  }

  @Test
  void what_is_restored_recognises_messages_of_its_test_and_of_no_other() {
    Sandbox sandbox = open("T.parent");
    Sandbox neighbour = open("T.neighbour");
    Run child = new Run(Ids.random(SECRET));
    try (Scope scope =
        SandboxProcess.restore(
            child, Map.of(SandboxProcess.BAGGAGE, "a=b,test.id=" + sandbox.id().value()))) {
      assertThat(Sandbox.current().id()).isEqualTo(sandbox.id());
      assertThat(Sandbox.current()).isNotSameAs(sandbox);
      assertThat(child.sandboxOf(arrived(sandbox))).isSameAs(Sandbox.current());
    }
    try (Scope scope = SandboxProcess.restore(child, environment(sandbox))) {
      assertThat(child.openSandboxes()).hasSize(1);
    }
    assertThat(child.openSandboxes()).isEmpty();
    assertThat(child.strayOf(arrived(neighbour))).isEqualTo(neighbour.id().run());
    assertThat(child.strayOf(arrived(sandbox))).isEqualTo(sandbox.id().run());
    run.end(sandbox, null);
    run.end(neighbour, null);
  }

  private static Map<String, String> environment(Sandbox sandbox) {
    return Map.of(SandboxProcess.TEST_ID, sandbox.id().value());
  }

  private static Hop.Content arrived(Sandbox sandbox) {
    return new Hop.Content(
        Hop.Direction.RECEIVED,
        "q",
        null,
        Map.of(Propagation.HEADER, sandbox.id().value()),
        new byte[0],
        Hop.Ids.NONE);
  }

  @Test
  void in_a_process_that_no_test_has_started_nothing_changes() {
    for (Map<String, String> environment :
        List.of(Map.<String, String>of(), Map.of(SandboxProcess.BAGGAGE, "tenant=acme"))) {
      try (Scope scope = SandboxProcess.restore(run, environment)) {
        assertThat(Work.current()).isNull();
      }
      Sandbox sandbox = open("T.bound");
      try (Scope scope = sandbox.test().bind();
          Scope same = SandboxProcess.restore(run, environment)) {
        assertThat(Work.current()).isSameAs(sandbox.test());
      }
      run.end(sandbox, null);
    }
  }

  @Test
  void the_end_of_a_test_waits_until_its_process_exits() throws Exception {
    Sandbox sandbox = open("T.waits");
    Process process = start(sandbox, child("wait"));
    awaitReady(process);
    assertThat(ExecutorContract.counted(sandbox)).hasSize(1);
    process.outputWriter().close();
    run.end(sandbox, null);
    assertThat(process.isAlive()).isFalse();
    assertThat(ExecutorContract.counted(sandbox)).isEmpty();
    assertThat(sandbox.journal().toString())
        .contains("process java", "pid %d exited with 0".formatted(process.pid()));
  }

  @Test
  void a_process_that_outlives_its_test_is_named_and_ended() throws Exception {
    Sandbox sandbox = open("T.owner_exited", Duration.ofMillis(100));
    Sandbox neighbour = open("T.neighbour");
    Process process = start(sandbox, child("wait"));
    Process ofTheNeighbour = start(neighbour, child("wait"));
    awaitReady(process);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("T.owner_exited ended, and after 100 ms of waiting")
        .hasMessageContaining("process java, started at io.sandpiper.SandboxProcessTests.start(")
        .hasMessageContaining(", pid " + process.pid())
        .hasMessageContaining("was told to stop, and has")
        .hasNoSuppressedExceptions();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(ofTheNeighbour.isAlive()).isTrue();
    ofTheNeighbour.outputWriter().close();
    run.end(neighbour, null);
  }

  @Test
  void a_process_that_does_not_stop_is_named_again_and_killed() throws Exception {
    Sandbox sandbox = open("T.stubborn", Duration.ofMillis(100));
    Process process = start(sandbox, child("stubborn"));
    awaitReady(process);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageContaining("3 s later this had not:\n  process java");
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void a_program_that_cannot_be_started_keeps_no_test_waiting() {
    Sandbox sandbox = open("T.absent");
    try (Scope scope = sandbox.test().bind()) {
      assertThatThrownBy(() -> SandboxProcess.start(new ProcessBuilder("/no/such/program")))
          .isInstanceOf(IOException.class);
    }
    assertThat(ExecutorContract.counted(sandbox)).isEmpty();
    run.end(sandbox, null);
  }

  @Test
  void an_ended_test_starts_no_process() {
    Sandbox sandbox = open("T.ended");
    run.end(sandbox, null);
    assertThatThrownBy(() -> start(sandbox, child("environment")))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("has ended; it starts no process");
  }

  @Test
  void a_jvm_without_any_configuration_works_for_the_test_that_started_it() throws Exception {
    Run unconfigured = new Run(Ids.random(null));
    Sandbox sandbox = unconfigured.open(Sandbox.Settings.of("T.plain", Isolation.NONE, this));
    ProcessBuilder builder = child("restore");
    builder.environment().put("SANDPIPER_SECRET", " ");
    List<String> lines = lines(start(sandbox, builder));
    assertThat(lines).hasSize(5).startsWith("x-test-id " + sandbox.id().value());
    unconfigured.end(sandbox, null);
    assertThat(sandbox.journal().toString()).doesNotContain(unconfigured.secret());
  }

  @Test
  void jvms_get_the_secret_where_they_have_none_and_workers_never_do() {
    Sandbox sandbox = open("T.secret");
    ProcessBuilder jvm = without("/opt/jdk/bin/java");
    ProcessBuilder worker = without("python3");
    ProcessBuilder outside = without("java");
    ProcessBuilder own = without("java");
    own.environment().put("SANDPIPER_SECRET", "its own");
    SandboxProcess.stamp(outside);
    try (Scope scope = sandbox.test().bind()) {
      List.of(jvm, worker, own).forEach(SandboxProcess::stamp);
    }
    assertThat(jvm.environment()).containsEntry("SANDPIPER_SECRET", SECRET);
    assertThat(worker.environment()).doesNotContainKey("SANDPIPER_SECRET");
    assertThat(worker.environment()).containsEntry("SANDPIPER_TEST_ID", sandbox.id().value());
    assertThat(own.environment()).containsEntry("SANDPIPER_SECRET", "its own");
    assertThat(outside.environment()).doesNotContainKey("SANDPIPER_SECRET");
    run.end(sandbox, null);
  }

  private static ProcessBuilder without(String command) {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().remove("SANDPIPER_SECRET");
    return builder;
  }

  @Test
  void a_process_that_fails_and_that_nobody_asks_fails_its_test_and_no_other() throws Exception {
    Sandbox sandbox = open("T.fails");
    Sandbox neighbour = open("T.neighbour");
    Process process = start(sandbox, child("exit", "3"));
    Process fine = start(neighbour, child("exit", "0"));
    Process asked = start(neighbour, child("exit", "3"));
    assertThat(asked.waitFor()).isEqualTo(3);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith(
            "Background work of T.fails failed: process java, started at"
                + " io.sandpiper.SandboxProcessTests.start(")
        .hasMessageContaining(
            "process java, pid %d, exited with 3, and nobody has asked how it ended"
                .formatted(process.pid()))
        .hasCauseInstanceOf(IllegalStateException.class)
        .hasNoSuppressedExceptions();
    run.end(neighbour, null);
    assertThat(fine.isAlive()).isFalse();
  }

  @Test
  void whoever_asks_how_a_process_ended_is_told_instead_of_the_test() throws Exception {
    List<Asking> ways =
        List.of(
            Process::waitFor,
            process -> assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue(),
            process -> assertThat(process.onExit().get()).isSameAs(process),
            process -> process.toHandle().onExit().get(),
            process -> {
              while (process.isAlive()) {
                Thread.onSpinWait();
              }
              assertThat(process.exitValue()).isEqualTo(3);
            });
    for (Asking way : ways) {
      Sandbox sandbox = open("T.asks");
      way.ask(start(sandbox, child("exit", "3")));
      run.end(sandbox, null);
      assertThat(sandbox.journal().toString()).contains("exited with 3");
    }
  }

  private interface Asking {
    void ask(Process process) throws Exception;
  }

  @Test
  void a_process_that_the_test_ends_itself_does_not_fail_it() throws Exception {
    Sandbox sandbox = open("T.ends");
    Process told = start(sandbox, child("wait"));
    Process killed = start(sandbox, child("wait"));
    awaitReady(told);
    assertThat(killed.destroyForcibly()).isSameAs(killed);
    assertThat(told.supportsNormalTermination()).isTrue();
    told.destroy();
    run.end(sandbox, null);
    assertThat(told.isAlive() || killed.isAlive()).isFalse();
    assertThat(sandbox.journal().toString()).contains("exited with 1");
  }

  @Test
  void a_process_whose_output_nobody_reads_is_told_so() throws Exception {
    Sandbox sandbox = open("T.unread", Duration.ofMillis(100));
    Process read = start(sandbox, child("wait"));
    awaitReady(read);
    Process process = start(sandbox, child("chatter"));
    awaitBlocked(process);
    assertThatThrownBy(() -> run.end(sandbox, null))
        .hasMessageMatching(
            "(?s).*pid %d, [1-9][0-9]* bytes of its output wait in a pipe that nobody reads: .*"
                .formatted(process.pid()))
        .hasMessageContaining("so use inheritIO() or redirectOutput(…)\n")
        .hasMessageContaining("pid %d\n".formatted(read.pid()));
  }

  private static void awaitBlocked(Process process) throws IOException {
    InputStream output = ((StartedProcess) process).process().getInputStream();
    while (output.available() == 0 && process.isAlive()) {
      Thread.onSpinWait();
    }
  }
}
