package io.sandpiper.context;

/** A task that is known to a ledger already. */
interface ScopedTask extends Runnable {

  /** Says that the task will never run. */
  void abandon();
}
