package io.sandpiper;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A process as whoever started it sees it: it tells when somebody asks how it ended, or ends it,
 * and knows of output that nobody reads.
 */
final class StartedProcess extends Process {

  private final Process process;
  private final Work work;
  private volatile boolean outputAsked;
  private volatile boolean errorsAsked;

  StartedProcess(Process process, Work work) {
    this.process = process;
    this.work = work;
  }

  /** The process itself, for whoever does not ask for the application. */
  Process process() {
    return process;
  }

  /** What may keep it from ending, or nothing. */
  String unread() {
    return unread(outputAsked, process.getInputStream(), "output", "redirectOutput")
        + unread(errorsAsked, process.getErrorStream(), "error output", "redirectError");
  }

  private static String unread(boolean asked, InputStream stream, String what, String remedy) {
    int waiting = asked ? 0 : available(stream);
    return waiting == 0
        ? ""
        : (", %d bytes of its %s wait in a pipe that nobody reads: it blocks when that is full,"
                + " so use inheritIO() or %s(…)")
            .formatted(waiting, what, remedy);
  }

  private static int available(InputStream stream) {
    try {
      return stream.available();
    } catch (IOException closed) {
      return 0;
    }
  }

  @Override
  public int waitFor() throws InterruptedException {
    // Whoever waits in a thread of his own may be told later than the end of the test.
    work.failureSeen();
    return process.waitFor();
  }

  @Override
  public boolean waitFor(long timeout, TimeUnit unit) throws InterruptedException {
    boolean exited = process.waitFor(timeout, unit);
    if (exited) {
      work.failureSeen();
    }
    return exited;
  }

  @Override
  public int exitValue() {
    int status = process.exitValue();
    work.failureSeen();
    return status;
  }

  @Override
  public CompletableFuture<Process> onExit() {
    work.failureSeen();
    return process.onExit().thenApply(exited -> this);
  }

  @Override
  public ProcessHandle toHandle() {
    // It has an end to wait for as well, and others are told from it by equals.
    work.failureSeen();
    return process.toHandle();
  }

  @Override
  public void destroy() {
    work.failureSeen();
    process.destroy();
  }

  @Override
  public Process destroyForcibly() {
    work.failureSeen();
    process.destroyForcibly();
    return this;
  }

  @Override
  public InputStream getInputStream() {
    outputAsked = true;
    return process.getInputStream();
  }

  @Override
  public InputStream getErrorStream() {
    errorsAsked = true;
    return process.getErrorStream();
  }

  @Override
  public OutputStream getOutputStream() {
    return process.getOutputStream();
  }

  @Override
  public boolean isAlive() {
    return process.isAlive();
  }

  @Override
  public boolean supportsNormalTermination() {
    return process.supportsNormalTermination();
  }

  @Override
  public long pid() {
    return process.pid();
  }

  @Override
  public ProcessHandle.Info info() {
    return process.info();
  }

  @Override
  public Stream<ProcessHandle> children() {
    return process.children();
  }

  @Override
  public Stream<ProcessHandle> descendants() {
    return process.descendants();
  }

  @Override
  public String toString() {
    return process.toString();
  }
}
