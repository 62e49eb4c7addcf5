package io.sandpiper.benchmarks;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The processor that the server's side of a measured connection is kept on; {@code run} keeps the
 * client on another, or on the same one.
 *
 * <p>Left alone, the two wander, and a round trip takes 20 µs or 60 µs depending on whether they
 * are on one processor or two, which changes every ratio.
 *
 * @param processor its number, or null where nothing is to be kept anywhere
 */
record Placement(@Nullable String processor) {

  private static final String PROPERTY = "benchmarks.server.processor";

  static Placement fromSystemProperty() {
    String processor = System.getProperty(PROPERTY, "");
    return new Placement(processor.isEmpty() ? null : processor);
  }

  void keep(int pid) {
    if (processor == null) {
      return;
    }
    try {
      Process taskset =
          new ProcessBuilder("taskset", "-p", "-c", processor, Integer.toString(pid))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!taskset.waitFor(10, TimeUnit.SECONDS) || taskset.exitValue() != 0) {
        throw new IllegalStateException(
            "Process %d could not be kept on processor %s".formatted(pid, processor));
      }
    } catch (IOException | InterruptedException failed) {
      throw new IllegalStateException("taskset could not be run", failed);
    }
  }
}
