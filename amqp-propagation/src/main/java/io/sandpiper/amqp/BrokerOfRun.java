package io.sandpiper.amqp;

/** The broker of an application context, where the harness has chosen it. */
interface BrokerOfRun {

  /** Whether no other run and no other context uses its virtual host. */
  boolean ours();
}
