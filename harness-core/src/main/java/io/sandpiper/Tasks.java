package io.sandpiper;

import io.sandpiper.context.Repetition;
import io.sandpiper.context.Scope;
import io.sandpiper.context.TaskLedger;
import io.sandpiper.context.UnitOfWork;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Tells the sandbox that the current thread works for of the tasks that the thread submits. */
enum Tasks implements TaskLedger {
  /** Of what is submitted to somebody who will run it. */
  LEDGER(Work.Start.SUBMITTED),
  /** Of what is wrapped, and may be given to anybody. */
  WRAPPED(Work.Start.WRAPPED);

  private final Work.Start start;

  Tasks(Work.Start start) {
    this.start = start;
  }

  @Override
  public @Nullable UnitOfWork begin(Object task) {
    UnitOfWork current = beginner(task);
    if (!(current instanceof Work work)) {
      // What is outside any sandbox stays so on other threads.
      return current;
    }
    Sandbox sandbox = work.sandbox();
    Work submitted =
        isFuture(task)
            ? Work.task(
                sandbox, "future " + TaskLedger.nameOf(task), Work.Start.FUTURE, work.placeOfTask())
            : Work.task(sandbox, name(task), start, work.placeOfTask());
    // A task of an ended test stays bound to it, to be refused by what it touches.
    sandbox.begin(submitted);
    return submitted;
  }

  @Override
  public @Nullable Repetition repeat(Object task) {
    UnitOfWork current = beginner(task);
    if (!(current instanceof Work work)) {
      return current == null ? null : new Endless(current);
    }
    return work.sandbox().changesNothing()
        ? null
        : new Periodic(work.sandbox(), "periodic " + name(task), work.placeOfTask());
  }

  @Override
  public @Nullable Executor inline() {
    Work work = Work.current();
    Executor inline = work == null ? null : work.sandbox().inline();
    return inline == null || FirstUse.isNow() ? null : inline;
  }

  /** What begins a task: the work of the current thread, or what it uses first and goes on. */
  private static @Nullable UnitOfWork beginner(Object task) {
    UnitOfWork current = Scope.currentWork();
    if (!(current instanceof Work work)) {
      return current;
    }
    FirstUse use = FirstUse.of(() -> name(task));
    if (use == null) {
      return work;
    }
    work.sandbox().journal().note(use + ", works for no test");
    return use;
  }

  /** Whether it is completed by somebody, and not run. */
  private static boolean isFuture(Object task) {
    return task instanceof CompletableFuture && !(task instanceof Runnable);
  }

  private static String name(Object task) {
    return "task " + TaskLedger.nameOf(task);
  }

  /** What is outside any sandbox stays so each time. */
  private record Endless(UnitOfWork work) implements Repetition {

    @Override
    public UnitOfWork next() {
      return work;
    }

    @Override
    public void cancelWith(Runnable cancel) {}

    @Override
    public void cancelled() {}
  }
}
