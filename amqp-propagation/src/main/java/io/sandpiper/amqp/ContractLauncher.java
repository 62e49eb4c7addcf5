package io.sandpiper.amqp;

import java.io.IOException;

/** Starts a worker. */
interface ContractLauncher {

  /**
   * Starts the worker.
   *
   * @param broker where it finds its queues
   * @param changed to be called when it has ended
   * @throws IOException if it cannot be started
   */
  ContractWorker start(VirtualHost broker, Runnable changed) throws IOException;

  /** What is started, in one line and without passwords. */
  String description();

  /** How it can be told where its broker is, for a worker that does not come to consume. */
  String remedy();
}
