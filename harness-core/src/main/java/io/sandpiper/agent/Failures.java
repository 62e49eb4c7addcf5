package io.sandpiper.agent;

import io.sandpiper.Work;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The failures that futures keep, until somebody is given them: what nobody has seen when the test
 * ends fails it. Safe for use by several threads.
 */
final class Failures {

  private final IdentityMap<Work> unseen = new IdentityMap<>();

  /** The work of the current thread has failed, and whoever runs it is not told. */
  void kept(Throwable failure) {
    Work current = Work.current();
    Throwable reason = reason(failure);
    if (current == null || reason instanceof CancellationException || unseen.get(reason) != null) {
      return;
    }
    Work failed = current.sandbox().begin(current.origin());
    if (failed != null) {
      unseen.put(reason, failed);
      failed.finish(failure);
    }
  }

  /** Somebody was given a failure, or was told that there is none. */
  void seen(@Nullable Throwable failure) {
    Work failed = failure == null ? null : unseen.remove(reason(failure));
    if (failed != null) {
      failed.failureSeen();
    }
  }

  private static Throwable reason(Throwable failure) {
    Throwable reason = failure;
    for (Throwable cause = reason.getCause();
        cause != null
            && (reason instanceof CompletionException || reason instanceof ExecutionException);
        cause = reason.getCause()) {
      reason = cause;
    }
    return reason;
  }
}
