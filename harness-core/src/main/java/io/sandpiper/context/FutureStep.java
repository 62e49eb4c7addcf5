package io.sandpiper.context;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One function of a future, or what completes its first one: open from when it was added until the
 * future that it leads to is complete.
 */
final class FutureStep {

  private static final String OPENER = "a function of a CompletableFuture";

  private final @Nullable UnitOfWork work;
  private final @Nullable Executor inline;
  private volatile @Nullable Throwable passedOn;
  private volatile boolean running;
  private volatile @Nullable Outcome outcome;

  private record Outcome(@Nullable Throwable failure) {}

  private FutureStep(@Nullable UnitOfWork work, @Nullable Executor inline) {
    this.work = work;
    this.inline = inline;
  }

  /** One that the current thread adds. */
  static FutureStep begin(Object function, TaskLedger ledger) {
    return new FutureStep(ledger.begin(function), ledger.inline());
  }

  /** Whether it is nobody's. */
  boolean unowned() {
    return work == null;
  }

  private Scope bind() {
    return work == null ? Scope.open(null, OPENER) : work.bind();
  }

  /** Calls the function in the scope of whoever added it. */
  <R extends @Nullable Object> R call(Supplier<R> function) {
    running = true;
    try (Scope scope = bind()) {
      return function.get();
    } finally {
      running = false;
      finishIfComplete();
    }
  }

  /** As {@link #call}, without a result. */
  void run(Runnable action) {
    call(
        () -> {
          action.run();
          return true;
        });
  }

  /** Says that somebody was shown a failure, with which the next future will fail as well. */
  void passesOn(@Nullable Throwable failure) {
    passedOn = cause(failure);
  }

  /** An executor as this function uses it: whoever it tells of the task is told in this scope. */
  Executor on(Executor executor) {
    Executor target = inline == null ? executor : inline;
    return task -> {
      try (Scope scope = bind()) {
        target.execute(task);
      }
    };
  }

  /** The future that it leads to is complete. */
  void completed(@Nullable Throwable thrown) {
    Throwable failure = cause(thrown);
    outcome = new Outcome(failure == passedOn ? null : failure);
    // A function may still run whose future somebody else has completed.
    if (!running) {
      finishIfComplete();
    }
  }

  private void finishIfComplete() {
    Outcome ended = outcome;
    if (ended != null && work != null) {
      work.finish(ended.failure());
    }
  }

  void failureSeen() {
    if (work != null) {
      work.failureSeen();
    }
  }

  /** What a future failed with; null where it did not, or was cancelled. */
  private static @Nullable Throwable cause(@Nullable Throwable thrown) {
    Throwable cause = thrown;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause instanceof CancellationException ? null : cause;
  }
}
