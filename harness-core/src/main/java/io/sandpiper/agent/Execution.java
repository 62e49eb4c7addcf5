package io.sandpiper.agent;

import io.sandpiper.context.UnitOfWork;
import java.lang.ref.WeakReference;
import org.jspecify.annotations.Nullable;

/**
 * A fork-join task that runs, or has failed and may be asked why.
 *
 * <p>Whoever runs the task holds the work, and then the sandbox does, for as long as it exists: a
 * task may live longer.
 */
final class Execution {

  private final WeakReference<UnitOfWork> work;
  private volatile @Nullable Throwable failure;

  Execution(UnitOfWork work) {
    this.work = new WeakReference<>(work);
  }

  void failed(Throwable reason) {
    failure = reason;
  }

  /** Why it failed, or null; asked once, by whoever has run it. */
  @Nullable Throwable takeFailure() {
    Throwable reason = failure;
    failure = null;
    return reason;
  }

  void failureSeen() {
    UnitOfWork known = work.get();
    if (known != null) {
      known.failureSeen();
    }
  }
}
