package io.sandpiper;

import io.sandpiper.context.Repetition;
import io.sandpiper.context.Scope;
import io.sandpiper.context.TaskLedger;
import io.sandpiper.context.UnitOfWork;
import org.jspecify.annotations.Nullable;

/** Tells the sandbox that the current thread works for of the tasks that the thread submits. */
enum Tasks implements TaskLedger {
  LEDGER;

  @Override
  public @Nullable UnitOfWork begin(Object task) {
    UnitOfWork current = Scope.currentWork();
    if (!(current instanceof Work work)) {
      // What is outside any sandbox stays so on other threads.
      return current;
    }
    Sandbox sandbox = work.sandbox();
    Work submitted = new Work(sandbox, name(task), CallSite.here());
    // A task of an ended test stays bound to it, to be refused by what it touches.
    sandbox.begin(submitted);
    return submitted;
  }

  @Override
  public @Nullable Repetition repeat(Object task) {
    UnitOfWork current = Scope.currentWork();
    if (!(current instanceof Work work)) {
      return current == null ? null : new Endless(current);
    }
    return work.sandbox().changesNothing()
        ? null
        : new Periodic(work.sandbox(), "periodic " + name(task), CallSite.here());
  }

  private static String name(Object task) {
    return "task " + task.getClass().getSimpleName();
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
