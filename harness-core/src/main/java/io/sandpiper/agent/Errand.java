package io.sandpiper.agent;

import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Repetition;
import io.sandpiper.context.Scope;
import io.sandpiper.context.UnitOfWork;
import java.lang.ref.WeakReference;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** For whom a task will run. Refers to no task. Safe for use by several threads. */
sealed interface Errand {

  /** Nobody's: it runs in no scope, also where a thread does it that waits for something else. */
  Errand NOBODYS = new Nobodys();

  /** Of what was repeated and is no more: a run that was about to begin does not. */
  Errand OVER = new Over();

  /** That of a task which the current thread plans to happen once, or never. */
  static Errand once(Object task) {
    UnitOfWork work = Sandbox.beginTask(TaskInside.of(task));
    return work == null ? NOBODYS : new Counted(work);
  }

  /** That of a thread which the current thread starts. */
  static Errand of(Thread started) {
    UnitOfWork work = Sandbox.beginTask(TaskInside.of(started));
    if (work instanceof Work known) {
      known.onItsOwnThread();
    }
    return work == null ? NOBODYS : new Counted(work);
  }

  /**
   * That of a task which the current thread plans for later.
   *
   * @param nanos how long after now it is to happen first
   * @param repeated whether it is to happen again and again
   * @param cancel keeps a task from happening, and returns whether it does
   */
  static <T> Errand planned(T task, long nanos, boolean repeated, Predicate<? super T> cancel) {
    WeakReference<T> planned = new WeakReference<>(task);
    BooleanSupplier cancelled =
        () -> {
          T known = planned.get();
          return known == null || cancel.test(known);
        };
    return repeated ? repeated(task, cancelled) : later(task, nanos, cancelled);
  }

  private static Errand later(Object task, long nanos, BooleanSupplier cancelled) {
    UnitOfWork work = Sandbox.beginTask(TaskInside.of(task));
    if (work == null) {
      return NOBODYS;
    }
    work.dueIn(nanos, cancelled);
    return new Counted(work);
  }

  private static Errand repeated(Object task, BooleanSupplier cancelled) {
    Repetition repetition = Sandbox.repeatTask(TaskInside.of(task));
    if (repetition == null) {
      return NOBODYS;
    }
    repetition.cancelWith(
        () -> {
          boolean ignored = cancelled.getAsBoolean();
        });
    return new Repeated(repetition);
  }

  /** Binds the current thread to it; null where there is nothing to bind nor to end. */
  @Nullable Begun begin();

  /** Says that the task will never run. */
  void abandon();

  /** Whether the task may run more than once. */
  default boolean repeats() {
    return false;
  }

  /**
   * What takes its place where nobody expects the task to run any more, and it may yet; null where
   * nobody waits for it anyway.
   */
  default @Nullable Errand unexpected() {
    return null;
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
    public @Nullable Errand unexpected() {
      return work instanceof Work missed ? new Unexpected(missed) : null;
    }

    @Override
    public void failureSeen() {
      work.failureSeen();
    }
  }

  /** Work that has ended without having begun; begins as another that is counted from then on. */
  record Unexpected(Work missed) implements Errand {

    @Override
    public Begun begin() {
      Work work = missed.sandbox().begin(missed.origin());
      return Begun.bind(work == null ? missed : work);
    }

    @Override
    public void abandon() {}
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
    public @Nullable Errand unexpected() {
      return errand.unexpected();
    }

    @Override
    public void failureSeen() {
      errand.failureSeen();
    }
  }

  /** What happens again and again, and no longer than its sandbox exists. */
  record Repeated(Repetition repetition) implements Errand {

    @Override
    public @Nullable Begun begin() {
      UnitOfWork work = repetition.next();
      return work == null ? null : Begun.bind(work);
    }

    @Override
    public void abandon() {
      repetition.cancelled();
    }

    @Override
    public boolean repeats() {
      return true;
    }
  }

  /** See {@link #OVER}. */
  record Over() implements Errand {

    @Override
    public @Nullable Begun begin() {
      return null;
    }

    @Override
    public void abandon() {}

    @Override
    public boolean repeats() {
      return true;
    }
  }
}
