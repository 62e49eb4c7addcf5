package io.sandpiper;

import io.sandpiper.context.Scope;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The release of what a test had of its own, done by a thread of its own, so that one that hangs
 * does not hold up the tests that come after.
 */
final class TimedRelease {

  private static final Duration GRACE = Duration.ofMillis(500);

  private final Sandbox sandbox;
  private final Action action;
  private final Thread thread = new Thread(this::act, "sandpiper-release");
  private volatile @Nullable Throwable failure;

  /** Releases something. */
  interface Action {
    void run() throws Exception;
  }

  private TimedRelease(Sandbox sandbox, Action action) {
    this.sandbox = sandbox;
    this.action = action;
    thread.setDaemon(true);
  }

  /**
   * Runs an action, bound to the sandbox whose last one it is, and waits for it.
   *
   * @param what is released, for messages
   * @throws IllegalStateException where it fails, or does not end within the time that the end of
   *     the test may take
   */
  static void run(Sandbox sandbox, String what, Action action) {
    Duration limit = sandbox.changesNothing() ? Sandbox.Settings.DRAIN : sandbox.drain();
    TimedRelease release = new TimedRelease(sandbox, action);
    // It is no task of the test, whoever else carries scopes to threads.
    try (Scope scope = Scope.open(null, "a release")) {
      release.thread.start();
    }
    if (!release.endsWithin(limit)) {
      throw release.tooSlow(what, limit);
    }
    Throwable failure = release.failure;
    if (failure != null) {
      throw new IllegalStateException(
          "%s could not be released: %s".formatted(what, failure), failure);
    }
  }

  private void act() {
    try (Scope scope = Scope.open(sandbox.test(), "a release")) {
      action.run();
    } catch (Throwable thrown) {
      failure = thrown;
    }
  }

  private IllegalStateException tooSlow(String what, Duration limit) {
    String stack = Stacks.text(thread);
    thread.interrupt();
    String end =
        endsWithin(GRACE)
            ? "It was interrupted, and has ended (%s).".formatted(failure)
            : "It was interrupted, and goes on for all that; nobody waits for it any more.";
    return new IllegalStateException(
        ("%s was not released within %s. %s Let its release end in time, or await in the test what"
                + " it waits for. It was%n%s")
            .formatted(what, Durations.text(limit), end, stack),
        failure);
  }

  private boolean endsWithin(Duration limit) {
    long deadline = System.nanoTime() + limit.toNanos();
    boolean interrupted = false;
    try {
      while (thread.isAlive()) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          return false;
        }
        try {
          // In whole milliseconds, of which none would be no limit.
          thread.join(Math.max(1, left / 1_000_000));
        } catch (InterruptedException again) {
          interrupted = true;
        }
      }
      return true;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
