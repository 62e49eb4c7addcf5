package io.sandpiper.server;

import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A running process that ends with this JVM, however the JVM ends, and with it the processes that
 * it has started.
 *
 * <p>For integrations; a test needs none of it.
 */
public final class GuardedProcess implements AutoCloseable {

  /** Ends the process {@code $1} and those below it. Where there is no /proc, there is a ps. */
  private static final String END =
      """
      children() {
        cat "/proc/$1/task/"*/children 2>/dev/null ||
          ps -A -o pid= -o ppid= 2>/dev/null | awk -v parent="$1" '$2 == parent { print $1 }'
      }
      end() {
        for child in $(children "$1"); do end "$child"; done
        kill -KILL "$1" 2>/dev/null
      }
      end "$1"
      exit 0
      """;

  /**
   * Becomes the command {@code $@} once it is told to, or ends with whoever could tell it: a JVM
   * that is killed before its watchdog watches must not leave the process behind either.
   */
  private static final String GATE = "read -r go && exec \"$@\"";

  private static final Duration GRACE = Duration.ofSeconds(5);

  private final Process process;
  private final Watchdog watchdog;
  private final Duration grace;

  private GuardedProcess(Process process, Watchdog watchdog, Duration grace) {
    this.process = process;
    this.watchdog = watchdog;
    this.grace = grace;
  }

  /**
   * Starts a process. A command that is not there ends with exit code 127.
   *
   * @param command its command line
   * @param builder everything else; its standard input has to be a pipe, as it is by default
   * @throws IOException if it cannot be started
   */
  public static GuardedProcess start(List<String> command, ProcessBuilder builder)
      throws IOException {
    return start(command, builder, GRACE);
  }

  static GuardedProcess start(List<String> command, ProcessBuilder builder, Duration grace)
      throws IOException {
    List<String> gated = new ArrayList<>(List.of("/bin/sh", "-c", GATE, command.get(0)));
    gated.addAll(command);
    Process process = builder.command(gated).start();
    try {
      Watchdog watchdog = Watchdog.start(END, Long.toString(process.pid()));
      OutputStream input = process.getOutputStream();
      input.write('\n');
      input.flush();
      return new GuardedProcess(process, watchdog, grace);
    } catch (IOException | RuntimeException e) {
      process.destroyForcibly();
      throw e;
    }
  }

  /** The process. */
  public Process process() {
    return process;
  }

  /**
   * Asks the process to end, then what it has started, and kills whatever has not ended within 5 s;
   * a second call does nothing.
   */
  @Override
  public void close() {
    // Before the process is gone: then nobody knows any more what it has started.
    List<ProcessHandle> below = process.descendants().toList();
    long deadline = System.nanoTime() + grace.toNanos();
    end(process.toHandle(), deadline);
    below.forEach(handle -> end(handle, deadline));
    watchdog.close();
  }

  private static void end(ProcessHandle handle, long deadline) {
    if (!handle.isAlive()) {
      return;
    }
    CountDownLatch ended = new CountDownLatch(1);
    handle.onExit().thenRun(ended::countDown);
    handle.destroy();
    if (!await(ended, deadline - System.nanoTime())) {
      handle.destroyForcibly();
      await(ended, GRACE.toNanos());
    }
  }

  /** An interrupt is no reason to leave a process behind: it ends the wait, and so kills. */
  private static boolean await(CountDownLatch ended, long nanos) {
    try {
      return ended.await(nanos, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
