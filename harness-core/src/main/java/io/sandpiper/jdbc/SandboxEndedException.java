package io.sandpiper.jdbc;

import io.sandpiper.CallSite;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.time.Duration;

/** Database access by work whose test has ended; the database was not touched. */
public final class SandboxEndedException extends SandboxException {

  private static final long serialVersionUID = 1;

  private SandboxEndedException(String message) {
    super(message, "SP001");
  }

  static SandboxEndedException of(Sandbox sandbox, String use) {
    Duration since = sandbox.sinceEnd();
    return new SandboxEndedException(
        ("%s (test id %s) ended%s, and its database sandbox with it; refused on thread %s (%s):"
                + " %s. The test did not wait for this work: await it there, or end it before.")
            .formatted(
                sandbox.testName(),
                sandbox.id(),
                since == null ? "" : " %d ms ago".formatted(since.toMillis()),
                Thread.currentThread().getName(),
                caller(sandbox),
                use));
  }

  /** The unit of work that the current thread does, or where its call comes from. */
  private static String caller(Sandbox sandbox) {
    Work work = Work.current();
    if (work == null) {
      return "no test's work, called from " + CallSite.here();
    }
    return work.sandbox() == sandbox
        ? work.origin()
        : "%s of %s".formatted(work.origin(), work.sandbox().testName());
  }
}
