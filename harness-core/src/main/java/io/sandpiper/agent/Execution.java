package io.sandpiper.agent;

import io.sandpiper.context.UnitOfWork;
import org.jspecify.annotations.Nullable;

/** A fork-join task that runs, or has failed and may be asked why. */
final class Execution {

  private final UnitOfWork work;
  private volatile @Nullable Throwable failure;

  Execution(UnitOfWork work) {
    this.work = work;
  }

  void failed(Throwable reason) {
    failure = reason;
  }

  @Nullable Throwable failure() {
    return failure;
  }

  void failureSeen() {
    work.failureSeen();
  }
}
