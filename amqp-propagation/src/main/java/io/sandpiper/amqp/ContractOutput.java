package io.sandpiper.amqp;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads all that a process prints, so that it never blocks on a full pipe, and keeps the last lines
 * to explain a failure.
 */
final class ContractOutput {

  private static final Logger log = LoggerFactory.getLogger(ContractOutput.class);

  private static final int KEPT = 50;
  private static final long SECONDS_TO_END = 2;

  private final Deque<String> last = new ArrayDeque<>();
  private final CountDownLatch ended = new CountDownLatch(1);

  /**
   * Reads from now on.
   *
   * @param process one whose standard error is redirected to its standard output
   */
  ContractOutput(Process process) {
    Thread reader = new Thread(() -> read(process), "output of process " + process.pid());
    reader.setDaemon(true);
    reader.start();
  }

  /** Waits for what a process that has ended wrote last, unless a child of it holds the pipe. */
  void awaitEnd() {
    try {
      if (!ended.await(SECONDS_TO_END, TimeUnit.SECONDS)) {
        log.debug("The output of a process that has ended is still open");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
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
      ended.countDown();
    }
  }

  private void take(String line) {
    log.debug("{}", line);
    synchronized (last) {
      if (last.size() == KEPT) {
        last.removeFirst();
      }
      last.addLast(line);
    }
  }

  @Override
  public String toString() {
    synchronized (last) {
      return String.join(System.lineSeparator(), last);
    }
  }
}
