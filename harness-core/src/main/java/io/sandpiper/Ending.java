package io.sandpiper;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end of one sandbox: drain, close, fence, verify, roll back, leave a tombstone, report.
 *
 * <p>A step that fails does not keep the later ones from running; all failures are reported.
 */
final class Ending {

  private static final Logger LOG = LoggerFactory.getLogger(Ending.class);

  private static final Duration GRACE_AFTER_FAILURE = Duration.ofMillis(500);

  private final Sandbox sandbox;
  private final @Nullable Throwable testFailure;
  private final List<AssertionError> errors = new ArrayList<>();
  private final List<String> kept = new ArrayList<>();

  Ending(Sandbox sandbox, @Nullable Throwable testFailure) {
    this.sandbox = sandbox;
    this.testFailure = testFailure;
  }

  void run() {
    if (sandbox.sinceEnd() != null) {
      return;
    }
    // An interrupt is for what comes after: the drain and the rollback have limits of their own.
    boolean interrupted = Thread.interrupted();
    try {
      interrupted |= drainAndClose();
      fence();
      verify();
      rollBack();
      sandbox.run().forget(sandbox);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
    report();
  }

  /** Returns whether the thread was interrupted meanwhile. */
  private boolean drainAndClose() {
    Duration limit = sandbox.drain();
    if (testFailure != null && limit.compareTo(GRACE_AFTER_FAILURE) > 0) {
      limit = GRACE_AFTER_FAILURE;
    }
    long deadline = System.nanoTime() + limit.toNanos();
    boolean interrupted = false;
    while (true) {
      try {
        Duration left = Duration.ofNanos(deadline - System.nanoTime());
        Boolean closed =
            sandbox
                .monitor()
                .await(left, () -> sandbox.isIdleUntil(deadline) ? sandbox.closeIfIdle() : null);
        sandbox.cancelPlannedAfter(deadline);
        if (closed == null) {
          notDrained(new UnfinishedWork(sandbox).end(limit));
          interrupted |= Thread.interrupted();
          sandbox.closeDoors();
          // What was told to stop may have planned more.
          sandbox.cancelPlannedAfter(deadline);
        } else if (!closed) {
          // Others may hear of what was cancelled, and do more.
          continue;
        }
        return interrupted;
      } catch (InterruptedException again) {
        interrupted = true;
      }
    }
  }

  private void notDrained(String text) {
    if (failsTest()) {
      errors.add(new AssertionError(text));
    } else {
      LOG.warn(text);
    }
  }

  private boolean failsTest() {
    return sandbox.backgroundErrors() == Sandboxed.BackgroundErrors.FAIL;
  }

  private void fence() {
    for (SandboxPart part : sandbox.parts()) {
      try {
        part.fence();
      } catch (RuntimeException | Error failed) {
        errors.add(failure("could not be fenced off", failed));
      }
    }
  }

  private void verify() {
    List<AssertionError> failures =
        new BackgroundFailures(sandbox).errors(errors.isEmpty() && !tellsTimeline(testFailure));
    if (failsTest()) {
      errors.addAll(failures);
    } else {
      failures.forEach(failure -> LOG.warn(failure.getMessage(), failure.getCause()));
    }
  }

  private static boolean tellsTimeline(@Nullable Throwable failure) {
    return failure != null && String.valueOf(failure.getMessage()).contains(Timeline.HEADING);
  }

  private void rollBack() {
    for (SandboxPart part : sandbox.parts()) {
      try {
        if (testFailure == null && errors.isEmpty()) {
          part.rollBack();
        } else {
          tell(part.rollBackFailed());
        }
      } catch (Exception | Error failed) {
        errors.add(failure("could not be rolled back", failed));
      }
    }
  }

  private void tell(@Nullable String text) {
    if (text != null) {
      LOG.warn(text);
      kept.add(text);
    }
  }

  private AssertionError failure(String what, Throwable cause) {
    return new AssertionError("%s %s: %s".formatted(sandbox, what, cause.getMessage()), cause);
  }

  private void report() {
    AssertionError first = errors.isEmpty() ? null : errors.remove(0);
    Throwable shown = testFailure == null ? first : testFailure;
    if (shown != null) {
      kept.forEach(text -> shown.addSuppressed(new Kept(text)));
    }
    if (first != null) {
      errors.forEach(first::addSuppressed);
      throw first;
    }
  }

  /** A line that a report shows below a failure. */
  private static final class Kept extends Exception {

    private static final long serialVersionUID = 1;

    Kept(String text) {
      super(text, null, false, false);
    }

    @Override
    public String toString() {
      return String.valueOf(getMessage());
    }
  }
}
