package io.sandpiper.agent;

/** A task that waits in a pool already, and was given to one again: each time for somebody else. */
record SubmittedAgain(Runnable task, Errand errand) implements Runnable {

  /** For whoever runs what a pool has not taken: it runs in the scope of whoever does. */
  @Override
  public void run() {
    task.run();
  }
}
