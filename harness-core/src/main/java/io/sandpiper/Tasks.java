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
    UnitOfWork current = Scope.currentWork();
    if (!(current instanceof Work work)) {
      // What is outside any sandbox stays so on other threads.
      return current;
    }
    Sandbox sandbox = work.sandbox();
    Work submitted =
        isFuture(task)
            ? Work.task(sandbox, "future " + described(task), Work.Start.FUTURE, CallSite.here())
            : Work.task(sandbox, name(task), start, CallSite.here());
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

  @Override
  public @Nullable Executor inline() {
    Work work = Work.current();
    return work == null ? null : work.sandbox().inline();
  }

  /** Whether it is completed by somebody, and not run. */
  private static boolean isFuture(Object task) {
    return task instanceof CompletableFuture && !(task instanceof Runnable);
  }

  private static String name(Object task) {
    return "task " + described(task);
  }

  /** The class of an object, as far as it has a name: "Foo", "lambda of Foo". */
  static String described(Object task) {
    String type = task.getClass().getName();
    int lambda = type.indexOf("$$Lambda");
    String named = lambda < 0 ? type : type.substring(0, lambda);
    String simple = named.substring(named.lastIndexOf('.') + 1);
    return lambda < 0 ? simple : "lambda of " + simple;
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
