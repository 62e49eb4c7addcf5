package io.sandpiper.amqp;

import io.sandpiper.context.Scope;
import io.sandpiper.context.UnitOfWork;
import org.jspecify.annotations.Nullable;

/** What the harness does itself on connections of the application: none of it is a test's. */
enum OwnWork implements UnitOfWork {
  INSTANCE;

  /** Whether that is what the current thread does. */
  static boolean isCurrent() {
    return Scope.currentWork() == INSTANCE;
  }

  @Override
  public Scope bind() {
    return Scope.open(this, "the harness itself");
  }

  @Override
  public void finish(@Nullable Throwable failure) {}

  @Override
  public void failureSeen() {}
}
