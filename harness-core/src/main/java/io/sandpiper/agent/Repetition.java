package io.sandpiper.agent;

import io.sandpiper.CallSite;
import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import io.sandpiper.Work;
import java.lang.ref.WeakReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A periodic task that a test has begun: each run is counted while it runs, and it is cancelled
 * when the sandbox ends. Safe for use by several threads.
 */
final class Repetition implements SandboxPart {

  private final Sandbox sandbox;
  private final String name;
  private final WeakReference<Object> task;
  private final Consumer<Object> cancel;

  private Repetition(Sandbox sandbox, Object task, Consumer<Object> cancel) {
    this.sandbox = sandbox;
    this.name =
        "periodic task %s, submitted at %s"
            .formatted(task.getClass().getSimpleName(), CallSite.here());
    this.task = new WeakReference<>(task);
    this.cancel = cancel;
  }

  /**
   * Makes one for the sandbox of the current thread.
   *
   * @param cancel keeps the task from running again; refers to no task
   */
  static Errand begin(Work current, Object task, Consumer<Object> cancel) {
    Repetition repetition = new Repetition(current.sandbox(), task, cancel);
    if (repetition.sandbox.part(repetition, () -> repetition) == null) {
      repetition.fence();
    }
    return new Errand.Repeated(repetition);
  }

  /** The work of one run, or null where it must not run any more. */
  @Nullable Work begin() {
    Work work = sandbox.begin(name);
    if (work == null) {
      fence();
    }
    return work;
  }

  /** Says that the task is not this one's to cancel. */
  void forget() {
    task.clear();
  }

  @Override
  public void fence() {
    Object cancelled = task.get();
    if (cancelled != null) {
      cancel.accept(cancelled);
    }
  }

  @Override
  public void rollBack() {}

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
