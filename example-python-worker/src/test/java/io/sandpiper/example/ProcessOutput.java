package io.sandpiper.example;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads all that a process prints, so that it never blocks on a full pipe: waits for one line, logs
 * the others and keeps the last of them to explain a failure.
 */
final class ProcessOutput {

  private static final Logger log = LoggerFactory.getLogger(ProcessOutput.class);

  private static final int KEPT = 50;

  private final String awaited;
  private final CountDownLatch cameOrEnded = new CountDownLatch(1);
  private final Deque<String> last = new ArrayDeque<>();
  private volatile boolean came;

  /**
   * Reads from now on to the end of the process.
   *
   * @param process one whose standard error is redirected to its standard output
   * @param awaited the line to wait for
   */
  ProcessOutput(Process process, String awaited) {
    this.awaited = awaited;
    Thread reader = new Thread(() -> read(process), "output of process " + process.pid());
    reader.setDaemon(true);
    reader.start();
  }

  /** Whether the line came in time; false at once where the process ended without it. */
  boolean await(long seconds) {
    try {
      return cameOrEnded.await(seconds, TimeUnit.SECONDS) && came;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void read(Process process) {
    try (BufferedReader lines = process.inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        take(line);
      }
    } catch (IOException e) {
      // A process that is killed takes its end of the pipe with it.
      log.debug("No more output of process {}", process.pid(), e);
    } finally {
      cameOrEnded.countDown();
    }
  }

  private void take(String line) {
    if (line.equals(awaited)) {
      came = true;
      cameOrEnded.countDown();
      return;
    }
    log.warn("{}", line);
    synchronized (last) {
      if (last.size() == KEPT) {
        last.removeFirst();
      }
      last.addLast(line);
    }
  }

  /** The last lines other than the awaited one. */
  @Override
  public String toString() {
    synchronized (last) {
      return String.join(System.lineSeparator(), last);
    }
  }
}
