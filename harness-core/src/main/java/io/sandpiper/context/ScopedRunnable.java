package io.sandpiper.context;

/** A task that runs inside a scope and reports how it ended. */
record ScopedRunnable(Runnable task, UnitOfWork work) implements ScopedTask {

  @Override
  public void run() {
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
    work.finish(null);
  }
}
