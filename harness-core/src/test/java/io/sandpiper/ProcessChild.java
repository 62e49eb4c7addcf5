package io.sandpiper;

import io.sandpiper.context.Scope;
import java.io.IOException;
import java.io.PrintStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The main class of the processes that tests start. */
final class ProcessChild {

  private ProcessChild() {}

  /** What it does is the first argument. */
  public static void main(String[] arguments) throws Exception {
    PrintStream out = System.out;
    switch (arguments[0]) {
      case "environment" -> {
        out.println(System.getenv(SandboxProcess.TEST_ID));
        out.println(System.getenv(SandboxProcess.BAGGAGE));
      }
      case "restore" -> restore(out);
      case "fail" -> fail();
      case "wait" -> untilEndOfInput(out);
      case "stubborn" -> {
        Runtime.getRuntime().addShutdownHook(new Thread(ProcessChild::waitForEver));
        untilEndOfInput(out);
      }
      case "chatter" -> {
        while (!out.checkError()) {
          out.println("nobody reads this");
        }
      }
      case "exit" -> System.exit(Integer.parseInt(arguments[1]));
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  private static void restore(PrintStream out) throws Exception {
    ExecutorService pool = Executors.newSingleThreadExecutor();
    try (Scope scope = SandboxProcess.restore()) {
      Sandbox sandbox = Sandbox.current();
      Propagation.inject(sandbox, null, (header, value) -> out.println(header + " " + value));
      out.println(Sandbox.wrap(pool).submit(() -> Sandbox.current().id().value()).get());
      out.println(sandbox.newMessageId());
    } finally {
      pool.shutdown();
    }
    out.println("afterwards " + Work.current());
  }

  private static void fail() {
    ExecutorService pool = Executors.newSingleThreadExecutor();
    try (Scope scope = SandboxProcess.restore()) {
      Sandbox.wrap(pool)
          .submit(
              () -> {
                throw new IllegalStateException("trouble in the child");
              });
    } finally {
      pool.shutdown();
    }
  }

  private static void untilEndOfInput(PrintStream out) throws IOException {
    out.println("ready");
    while (System.in.read() >= 0) {
      // Its parent says nothing, and closes the stream when it dies.
    }
  }

  private static void waitForEver() {
    try {
      new CountDownLatch(1).await();
    } catch (InterruptedException never) {
      throw new IllegalStateException(never);
    }
  }
}
