package io.sandpiper.server;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A shell at the end of a pipe that cleans up after this JVM, however the JVM ends.
 *
 * <p>The pipe is closed by {@link #release}, by an orderly exit and by {@code kill -9} alike; a
 * shutdown hook would miss the last of these, and would run beside the hooks of an application that
 * still needs the server.
 */
final class Watchdog implements AutoCloseable {

  /**
   * Waits for the end of the pipe. A line on it is the order to leave. Signals are ignored because
   * Ctrl-C reaches the whole process group, the watchdog included; {@link #start} reads the first
   * line to know that they are.
   */
  private static final String WATCH =
      """
      trap '' HUP INT QUIT TERM
      echo watching
      exec >/dev/null
      read -r order && exit 0
      """;

  private static final long LONGEST_CLEANUP_SECONDS = 30;

  private final Process shell;

  private Watchdog(Process shell) {
    this.shell = shell;
  }

  /**
   * Starts a watchdog.
   *
   * @param script what to do once this JVM is gone, for a POSIX shell; it exits with 0 where it
   *     could
   * @param arguments its {@code $1}, {@code $2}, …
   */
  static Watchdog start(String script, String... arguments) {
    List<String> command =
        new ArrayList<>(List.of("/bin/sh", "-c", WATCH + script, "sandpiper-watchdog"));
    command.addAll(List.of(arguments));
    // Inherited streams would make whoever reads this JVM's output wait for the watchdog too, and
    // the working directory of a build is no place to stay in after its end.
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(new File("/")).redirectError(Redirect.DISCARD);
    try {
      Process shell = builder.start();
      try (InputStream output = shell.getInputStream()) {
        if (output.read() < 0) {
          throw new IOException("The shell ended at once");
        }
      }
      return new Watchdog(shell);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "No watchdog could be started, so a server could outlive this JVM; it needs /bin/sh", e);
    }
  }

  /**
   * Keeps a thing from being garbage-collected for as long as the shell runs, as the JDK keeps the
   * pipe to it, whoever forgets this object.
   */
  void keep(Object thing) {
    shell.onExit().thenRun(() -> Reference.reachabilityFence(thing));
  }

  /** Lets the watchdog do its work now, and waits for it. */
  void release() {
    closePipe();
    awaitExit();
  }

  /** Sends the watchdog away without doing anything; a second call does nothing. */
  @Override
  public void close() {
    if (shell.isAlive()) {
      try {
        shell.getOutputStream().write("leave\n".getBytes(StandardCharsets.US_ASCII));
      } catch (IOException e) {
        throw new UncheckedIOException("The watchdog could not be sent away", e);
      }
      release();
    }
  }

  private void closePipe() {
    try {
      shell.getOutputStream().close();
    } catch (IOException e) {
      throw new UncheckedIOException("The pipe to the watchdog could not be closed", e);
    }
  }

  private void awaitExit() {
    boolean interrupted = false;
    try {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(LONGEST_CLEANUP_SECONDS);
      while (true) {
        try {
          checkExit(shell.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS));
          return;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void checkExit(boolean exited) {
    if (!exited) {
      throw new IllegalStateException(
          "The watchdog (pid %d) has not finished within %d s; what it removes may be left behind"
              .formatted(shell.pid(), LONGEST_CLEANUP_SECONDS));
    }
    if (shell.exitValue() != 0) {
      throw new IllegalStateException(
          "The watchdog failed with exit code %d; what it removes is left behind"
              .formatted(shell.exitValue()));
    }
  }
}
