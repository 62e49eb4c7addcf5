package io.sandpiper.amqp;

import org.jspecify.annotations.Nullable;

/** A running worker, as the contract test sees it. */
interface ContractWorker extends AutoCloseable {

  /** How it ended, such as {@code exit code 1}; null while it runs. */
  @Nullable String ending();

  /** The last of what it has printed; complete once it has ended. */
  String output();

  /** Stops it, so that it finishes what it does where it can. */
  @Override
  void close();
}
