package io.sandpiper;

import io.sandpiper.context.Scope;
import java.io.File;
import java.io.IOException;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Other processes that work for a test: they are told its id by the environment variables {@value
 * #TEST_ID} and {@value #BAGGAGE}, so that what they send comes home.
 *
 * <p>Any program can pass the two on as headers; a JVM with the harness does so after {@link
 * #restore()}.
 */
public final class SandboxProcess {

  /** The environment variable with the id, verbatim. */
  public static final String TEST_ID = "SANDPIPER_TEST_ID";

  /** The environment variable with W3C baggage, of which the id is one member. */
  public static final String BAGGAGE = "BAGGAGE";

  /** The environment variable with what makes ids, for JVMs of the harness. */
  static final String SECRET = "SANDPIPER_SECRET";

  private static final Pattern JAVA = Pattern.compile("javaw?(\\.exe)?");

  private SandboxProcess() {}

  /**
   * Puts the id of the test that the current thread works for into the environment of a process to
   * come; where the command is {@code java}, {@code SANDPIPER_SECRET} too if it has none, which
   * {@link #restore()} needs. Outside any sandbox nothing is changed.
   *
   * @return the same builder
   * @throws IllegalStateException where others are to be told of a database that cannot be made
   */
  public static ProcessBuilder stamp(ProcessBuilder builder) {
    Work work = Work.current();
    if (work != null) {
      Map<String, String> environment = builder.environment();
      Propagation.inject(
          work.sandbox(),
          environment.get(BAGGAGE),
          (header, value) ->
              environment.put(header.equals(Propagation.HEADER) ? TEST_ID : BAGGAGE, value));
      if (isJvm(builder) && environment.getOrDefault(SECRET, "").isBlank()) {
        environment.put(SECRET, work.sandbox().run().secret());
      }
    }
    return builder;
  }

  /** Workers in other languages get no key: they check no ids. */
  private static boolean isJvm(ProcessBuilder builder) {
    return !builder.command().isEmpty()
        && JAVA.matcher(new File(builder.command().get(0)).getName()).matches();
  }

  /**
   * Starts a process of the test that the current thread works for, with its id. The end of the
   * test waits until it exits, and when it has waited long enough ends it: by {@link
   * Process#destroy()}, and by force where that does not help. Its exit status is in the journal;
   * one other than 0 fails the test as background work does, unless somebody asks for it ({@code
   * waitFor}, {@code exitValue}, {@code onExit}, {@code toHandle}) or ends the process.
   *
   * @throws IllegalStateException where the sandbox has ended
   */
  public static Process start(ProcessBuilder builder) throws IOException {
    Work current = Work.current();
    if (current == null) {
      return builder.start();
    }
    Sandbox sandbox = current.sandbox();
    ChildProcess child = new ChildProcess();
    String name = "process " + new File(builder.command().get(0)).getName();
    Work work = Work.of(sandbox, name, child);
    if (!sandbox.begin(work)) {
      throw new IllegalStateException(
          "%s has ended; it starts no process. Start it in the test.".formatted(sandbox));
    }
    try {
      Process process = stamp(builder).start();
      StartedProcess started = new StartedProcess(process, work);
      child.started(started);
      process.onExit().thenAccept(exited -> exited(work, exited));
      return started;
    } catch (IOException | RuntimeException failed) {
      work.finish(null);
      throw failed;
    }
  }

  private static void exited(Work work, Process process) {
    int status = process.exitValue();
    work.sandbox()
        .journal()
        .add(work.name(), "pid %d exited with %d".formatted(process.pid(), status));
    work.finish(status == 0 ? null : failure(work, process.pid(), status));
  }

  private static IllegalStateException failure(Work work, long pid, int status) {
    IllegalStateException failure =
        new IllegalStateException(
            ("%s, pid %d, exited with %d, and nobody has asked how it ended. Where the test expects"
                    + " that, let it ask, by waitFor() or exitValue().")
                .formatted(work.name(), pid, status));
    // The one that waits for processes tells nothing.
    failure.setStackTrace(new StackTraceElement[0]);
    return failure;
  }

  /**
   * Binds the current thread to the test that started this process, as its environment tells, until
   * the scope is closed: what is sent meanwhile carries the id of that test. For the main method of
   * a JVM that has the harness on its class path. What it does to a database is not isolated.
   *
   * @return to be closed by the same thread; closing waits for background work of this process, at
   *     most 10 s, and throws an {@link AssertionError} where that has failed. In a process that no
   *     test has started it changes nothing
   * @throws IllegalStateException where the id is none, or the environment variable {@code
   *     SANDPIPER_SECRET}, which {@link #stamp} and {@link #start} set, is not the one with which
   *     it was made
   */
  public static Scope restore() {
    return restore(Run.ofThisJvm(), System.getenv());
  }

  static Scope restore(Run run, Map<String, String> environment) {
    String own = environment.get(TEST_ID);
    String id = own == null ? Propagation.idIn(environment.get(BAGGAGE)) : own;
    return id == null || !id.startsWith(TestId.PREFIX)
        ? Scope.open(Scope.currentWork(), "SandboxProcess.restore")
        : bind(run, run.join(id));
  }

  private static Scope bind(Run run, @Nullable Sandbox sandbox) {
    if (sandbox == null) {
      throw new IllegalStateException(
          ("The id in %s or %s is not one that a test with the %s of this JVM has made. Start this"
                  + " JVM by SandboxProcess, which sets that variable, or set it to the same value"
                  + " for the tests and for this JVM.")
              .formatted(TEST_ID, BAGGAGE, SECRET));
    }
    return Scope.open(sandbox.test(), "SandboxProcess.restore", () -> run.end(sandbox, null));
  }
}
