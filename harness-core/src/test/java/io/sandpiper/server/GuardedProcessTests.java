package io.sandpiper.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A process and its children hold one pipe, whose end tells that all of them are gone; a dead one
 * that nobody reaps would still have a process id.
 */
@Timeout(60)
class GuardedProcessTests {

  @TempDir Path directory;

  @Test
  void closing_ends_the_process_and_what_it_has_started() throws Exception {
    Path pipe = pipe();
    GuardedProcess guarded = GuardedProcess.start(withChild(pipe), new ProcessBuilder());
    try (BufferedReader ends = Files.newBufferedReader(pipe)) {
      assertThat(ends.readLine()).isEqualTo("started");

      guarded.close();
      guarded.close();

      assertThat(ends.readLine()).isNull();
      assertThat(guarded.process().isAlive()).isFalse();
    }
  }

  @Test
  void what_a_process_says_at_its_end_can_be_read() throws Exception {
    GuardedProcess guarded =
        GuardedProcess.start(
            shell("trap 'echo done; exit 7' TERM; echo started; read -r never"),
            new ProcessBuilder());
    BufferedReader output = guarded.process().inputReader();
    assertThat(output.readLine()).isEqualTo("started");

    guarded.close();

    assertThat(output.readLine()).isEqualTo("done");
    assertThat(guarded.process().exitValue()).isEqualTo(7);
  }

  @Test
  void one_that_does_not_want_to_end_is_killed() throws Exception {
    GuardedProcess guarded =
        GuardedProcess.start(
            shell("trap '' TERM; echo started; read -r never"),
            new ProcessBuilder(),
            Duration.ofMillis(50));
    assertThat(guarded.process().inputReader().readLine()).isEqualTo("started");

    guarded.close();

    assertThat(guarded.process().isAlive()).isFalse();
  }

  @Test
  void an_interrupt_leaves_no_process_behind_and_is_kept() throws Exception {
    Path pipe = pipe();
    GuardedProcess guarded = GuardedProcess.start(withChild(pipe), new ProcessBuilder());
    try (BufferedReader ends = Files.newBufferedReader(pipe)) {
      assertThat(ends.readLine()).isEqualTo("started");

      Thread.currentThread().interrupt();
      guarded.close();

      assertThat(Thread.interrupted()).isTrue();
      assertThat(ends.readLine()).isNull();
    }
  }

  @Test
  void words_and_standard_input_reach_the_command_as_they_are() throws Exception {
    try (GuardedProcess guarded =
        GuardedProcess.start(
            shell("printf '%s|%s\\n' \"$1\" \"$2\"; cat", "two words", "$3 \"q\""),
            new ProcessBuilder())) {
      guarded.process().getOutputStream().write("a line\n".getBytes(UTF_8));
      guarded.process().getOutputStream().flush();

      BufferedReader output = guarded.process().inputReader();
      assertThat(output.readLine()).isEqualTo("two words|$3 \"q\"");
      assertThat(output.readLine()).isEqualTo("a line");
    }
  }

  @Test
  void a_command_that_is_not_there_says_so() throws Exception {
    try (GuardedProcess guarded =
        GuardedProcess.start(
            List.of("/no/such/command"), new ProcessBuilder().redirectErrorStream(true))) {
      assertThat(guarded.process().inputReader().readLine()).contains("/no/such/command");
      assertThat(guarded.process().waitFor()).isEqualTo(127);
    }
  }

  @Test
  void a_killed_jvm_leaves_no_process() throws Exception {
    Path pipe = pipe();
    Process jvm = OtherJvm.start(pipe);
    try (BufferedReader ends = Files.newBufferedReader(pipe)) {
      assertThat(ends.readLine()).isEqualTo("started");

      jvm.destroyForcibly();

      assertThat(ends.readLine()).isNull();
    }
  }

  /** A pipe with a name: that of a process object is closed with the process itself. */
  private Path pipe() throws Exception {
    Path pipe = directory.resolve("pipe");
    Process mkfifo = new ProcessBuilder("mkfifo", pipe.toString()).inheritIO().start();
    assertThat(mkfifo.waitFor()).isZero();
    return pipe;
  }

  private static List<String> withChild(Path pipe) {
    return shell("exec >\"$1\"; sleep 1000 & echo started; wait", pipe.toString());
  }

  private static List<String> shell(String script, String... arguments) {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "-c", script, "sh"));
    command.addAll(List.of(arguments));
    return command;
  }

  /** A JVM that starts a process and waits to be killed. */
  static final class OtherJvm {

    public static void main(String... arguments) throws IOException {
      GuardedProcess.start(withChild(Path.of(arguments[0])), new ProcessBuilder());
      System.in.read();
    }

    static Process start(Path pipe) throws IOException {
      return new ProcessBuilder(
              Path.of(System.getProperty("java.home"), "bin", "java").toString(),
              "-cp",
              System.getProperty("java.class.path"),
              OtherJvm.class.getName(),
              pipe.toString())
          .redirectError(Redirect.INHERIT)
          .start();
    }
  }
}
