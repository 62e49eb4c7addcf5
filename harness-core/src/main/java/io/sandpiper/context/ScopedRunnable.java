package io.sandpiper.context;

/** A task that runs inside a scope and reports how it ended. */
final class ScopedRunnable implements ScopedTask {

  private final Runnable task;
  private final UnitOfWork work;
  private final Waiting waiting;

  ScopedRunnable(Runnable task, UnitOfWork work, Waiting waiting) {
    this.task = task;
    this.work = work;
    this.waiting = waiting;
    waiting.add(this);
  }

  @Override
  public void run() {
    waiting.remove(this);
    run(task, work);
  }

  /** Runs a task as a unit of work, which has ended then. */
  static void run(Runnable task, UnitOfWork work) {
    Throwable failure = null;
    try (Scope scope = work.bind()) {
      task.run();
    } catch (Throwable thrown) {
      failure = thrown;
      throw thrown;
    } finally {
      work.finish(failure);
    }
  }

  @Override
  public void abandon() {
    waiting.remove(this);
    work.finish(null);
  }

  @Override
  public String toString() {
    return task + " of " + work;
  }
}
