package io.sandpiper;

import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;

/** Runs the tasks of one sandbox in the thread that submits them. */
final class InlineTasks implements Executor {

  /** Each is some ten frames of a stack that has room for thousands. */
  static final int DEEPEST = 100;

  private final Sandbox sandbox;

  InlineTasks(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  @Override
  public void execute(Runnable task) {
    Work submitter = Work.current();
    if (submitter != null && submitter.depth() >= DEEPEST) {
      throw tooDeep(submitter);
    }
    try {
      task.run();
    } catch (Throwable recorded) {
      // The ledger knows; whoever submits a task is not told how it ends.
    }
  }

  private RejectedExecutionException tooDeep(Work submitter) {
    RejectedExecutionException refused =
        new RejectedExecutionException(
            ("%s would submit one more task inside of %d others, each run in the thread that"
                    + " submits it, as @Sandboxed(background = INLINE) asks; a task that submits"
                    + " itself again never ends there. Use background = CONCURRENT for this test.")
                .formatted(submitter.origin(), DEEPEST));
    // Whoever catches it must not make the test pass.
    sandbox.recordFailure(submitter.name(), refused);
    return refused;
  }
}
