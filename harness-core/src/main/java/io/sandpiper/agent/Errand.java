package io.sandpiper.agent;

import io.sandpiper.context.Scope;
import io.sandpiper.context.UnitOfWork;
import org.jspecify.annotations.Nullable;

/** For whom a task will run. Refers to no task. Safe for use by several threads. */
sealed interface Errand {

  /** Nobody's: it runs in no scope, also where a thread does it that waits for something else. */
  Errand NOBODYS = new Nobodys();

  /** Binds the current thread to it; null where there is nothing to bind nor to end. */
  @Nullable Begun begin();

  /** Says that the task will never run. */
  void abandon();

  /** Whether the task may run more than once. */
  default boolean repeats() {
    return false;
  }

  /** Says that somebody was given the failure of the task, before it ended or after it. */
  default void failureSeen() {}

  /** What runs now, until it is ended by the thread that began it. */
  record Begun(@Nullable UnitOfWork counted, Scope scope) {

    static Begun bind(UnitOfWork work) {
      return new Begun(work, work.bind());
    }

    void end(@Nullable Throwable failure) {
      Throwable reason = failure;
      try {
        scope.close();
      } catch (IllegalStateException leaked) {
        reason = reason == null ? leaked : reason;
      }
      if (counted != null) {
        counted.finish(reason);
      }
    }
  }

  /** Work of which the ledger knows. */
  record Counted(UnitOfWork work) implements Errand {

    @Override
    public Begun begin() {
      return Begun.bind(work);
    }

    @Override
    public void abandon() {
      work.finish(null);
    }

    @Override
    public void failureSeen() {
      work.failureSeen();
    }
  }

  /** A part of work that waits for its parts itself. */
  record Part(UnitOfWork whole) implements Errand {

    @Override
    public Begun begin() {
      return new Begun(null, whole.bind());
    }

    @Override
    public void abandon() {}
  }

  /** See {@link #NOBODYS}. */
  record Nobodys() implements Errand {

    @Override
    public @Nullable Begun begin() {
      return Scope.currentWork() == null
          ? null
          : new Begun(null, Scope.open(null, "a task of no sandbox"));
    }

    @Override
    public void abandon() {}
  }

  /** What a pool has not taken: its handler decides what becomes of it. */
  record Rejected(Errand errand) implements Errand {

    @Override
    public @Nullable Begun begin() {
      return errand.begin();
    }

    @Override
    public void abandon() {
      errand.abandon();
    }

    @Override
    public void failureSeen() {
      errand.failureSeen();
    }
  }

  /** What happens again and again, and no longer than its sandbox exists. */
  final class Repeated implements Errand {

    private final Repetition repetition;

    Repeated(Repetition repetition) {
      this.repetition = repetition;
    }

    @Override
    public @Nullable Begun begin() {
      UnitOfWork work = repetition.begin();
      return work == null ? null : Begun.bind(work);
    }

    @Override
    public void abandon() {
      repetition.forget();
    }

    @Override
    public boolean repeats() {
      return true;
    }
  }
}
