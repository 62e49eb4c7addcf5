package io.sandpiper.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WatchdogTests {

  private static final String SCRIPT = "echo \"$2\" >\"$1\"";

  @TempDir Path directory;

  @Test
  void does_its_work_when_the_pipe_is_closed() {
    Watchdog.start(SCRIPT, mark().toString(), "two words").release();

    assertThat(mark()).hasContent("two words");
  }

  @Test
  void does_nothing_when_it_is_sent_away() {
    Watchdog watchdog = Watchdog.start(SCRIPT, mark().toString(), "");
    watchdog.close();
    watchdog.close();

    assertThat(mark()).doesNotExist();
  }

  @Test
  void outlives_the_signals_that_a_terminal_sends() throws Exception {
    Set<Long> before = children();
    Watchdog watchdog = Watchdog.start(SCRIPT, mark().toString(), "done");
    Set<Long> started = children();
    started.removeAll(before);
    for (String signal : List.of("INT", "HUP", "TERM", "QUIT")) {
      for (long pid : started) {
        send(signal, pid);
      }
    }

    watchdog.release();

    assertThat(mark()).hasContent("done");
  }

  @Test
  void what_it_keeps_is_not_collected_before_its_shell_has_ended() throws Exception {
    Set<Long> before = children();
    WeakReference<Object> kept = keepAndForget();
    Set<Long> started = children();
    started.removeAll(before);

    collectGarbage();

    assertThat(kept.get()).isNotNull();
    for (long pid : started) {
      send("KILL", pid);
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (kept.get() != null) {
      assertThat(System.nanoTime()).as("it is collected in time").isLessThan(deadline);
      collectGarbage();
    }
  }

  private static WeakReference<Object> keepAndForget() {
    Object thing = new Object();
    Watchdog.start("exit 0").keep(thing);
    return new WeakReference<>(thing);
  }

  private static void collectGarbage() throws InterruptedException {
    ReferenceQueue<Object> collected = new ReferenceQueue<>();
    PhantomReference<Object> unkept = new PhantomReference<>(new Object(), collected);
    System.gc();
    assertThat(collected.remove(TimeUnit.SECONDS.toMillis(20))).isSameAs(unkept);
  }

  @Test
  void work_that_fails_is_an_error() {
    Watchdog watchdog = Watchdog.start("exit 3");

    assertThatIllegalStateException()
        .isThrownBy(watchdog::release)
        .withMessageContaining("exit code 3");
  }

  private Path mark() {
    return directory.resolve("mark");
  }

  private static Set<Long> children() {
    return ProcessHandle.current().children().map(ProcessHandle::pid).collect(Collectors.toSet());
  }

  private static void send(String signal, long pid) throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start();
    assertThat(kill.waitFor(10, TimeUnit.SECONDS)).isTrue();
  }
}
