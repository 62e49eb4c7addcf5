package io.sandpiper.amqp;

/** Where a broker comes from. */
interface BrokerSource extends AutoCloseable {

  /** Whether the broker belongs to this run alone. */
  boolean ours();

  /** A new virtual host; on a broker that is not ours, the only one. */
  VirtualHost createVirtualHost(String name);

  /** The broker in one line, without passwords. */
  String description();

  @Override
  void close();
}
