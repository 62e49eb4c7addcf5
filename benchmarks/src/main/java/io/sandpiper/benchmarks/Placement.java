package io.sandpiper.benchmarks;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The processors that the two ends of a measured connection are kept on, as {@code run} says.
 *
 * <p>Left alone, the two wander, and a round trip takes 20 µs or 60 µs depending on whether they
 * are on one processor or two, which changes every ratio.
 *
 * @param client where this JVM is kept
 * @param server where the server's process is kept
 * @param all where this JVM may be otherwise
 */
record Placement(String client, String server, String all) {

  static @Nullable Placement fromSystemProperties() {
    String client = System.getProperty("benchmarks.client.processor", "");
    return client.isEmpty()
        ? null
        : new Placement(
            client,
            System.getProperty("benchmarks.server.processor", client),
            System.getProperty("benchmarks.processors", client));
  }

  /** Keeps both ends in their places. */
  void keep(int serverProcess) {
    taskset(client, ProcessHandle.current().pid());
    taskset(server, serverProcess);
  }

  /** Lets this JVM go again; the server's process ends with its connection. */
  void release() {
    taskset(all, ProcessHandle.current().pid());
  }

  private static void taskset(String processors, long process) {
    try {
      Process taskset =
          new ProcessBuilder("taskset", "-a", "-p", "-c", processors, Long.toString(process))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!taskset.waitFor(10, TimeUnit.SECONDS) || taskset.exitValue() != 0) {
        throw new IllegalStateException(
            "Process %d could not be kept on processor %s".formatted(process, processors));
      }
    } catch (IOException | InterruptedException failed) {
      throw new IllegalStateException("taskset could not be run", failed);
    }
  }
}
