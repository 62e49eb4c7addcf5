package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import io.sandpiper.Sandbox;

/** Lets the benchmarks measure stamping alone, which nobody else calls alone. */
public final class StampingProbe {

  private StampingProbe() {}

  /** The properties that are sent instead of the application's. */
  public static AMQP.BasicProperties stamp(Sandbox sandbox, AMQP.BasicProperties properties) {
    return Stamping.stamp(sandbox, properties);
  }
}
