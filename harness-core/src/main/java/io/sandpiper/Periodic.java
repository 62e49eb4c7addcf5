package io.sandpiper;

import io.sandpiper.context.Repetition;
import io.sandpiper.context.UnitOfWork;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** A periodic task of one sandbox, which ends with it. */
final class Periodic implements Repetition {

  private final Sandbox sandbox;
  private final String name;
  private final @Nullable CallSite submittedAt;
  private final @Nullable All all;
  private volatile @Nullable Runnable cancel;

  Periodic(Sandbox sandbox, String name, @Nullable CallSite submittedAt) {
    this.sandbox = sandbox;
    this.name = name;
    this.submittedAt = submittedAt;
    this.all = (All) sandbox.part(All.class, All::new);
  }

  /** Has no periodic task of a sandbox run again. */
  static void cancelAll(Sandbox sandbox) {
    sandbox.parts(All.class).forEach(All::fence);
  }

  @Override
  public @Nullable UnitOfWork next() {
    Work run = Work.task(sandbox, name, Work.Start.SUBMITTED, submittedAt);
    if (!sandbox.begin(run)) {
      return null;
    }
    // Asked last: whoever ends them looks for runs in progress afterwards.
    if (all != null && all.ended) {
      run.finish(null);
      return null;
    }
    return run;
  }

  @Override
  public void cancelWith(Runnable cancel) {
    this.cancel = cancel;
    if (all == null || !all.add(this)) {
      cancel.run();
    }
  }

  @Override
  public void cancelled() {
    if (all != null) {
      all.remove(this);
    }
  }

  private void cancel() {
    Runnable cancel = this.cancel;
    if (cancel != null) {
      cancel.run();
    }
  }

  /** Those of one sandbox. */
  private static final class All implements SandboxPart {

    private final Set<Periodic> tasks = ConcurrentHashMap.newKeySet();
    private volatile boolean ended;

    /** Returns false where the sandbox has ended. */
    boolean add(Periodic task) {
      tasks.add(task);
      return !ended;
    }

    void remove(Periodic task) {
      tasks.remove(task);
    }

    @Override
    public void fence() {
      ended = true;
      tasks.forEach(Periodic::cancel);
      tasks.clear();
    }

    @Override
    public void rollBack() {}

    @Override
    public @Nullable String heldUpBy(Thread thread) {
      return null;
    }
  }
}
