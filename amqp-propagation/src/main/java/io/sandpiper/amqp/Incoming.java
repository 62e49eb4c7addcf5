package io.sandpiper.amqp;

import com.rabbitmq.client.Connection;
import io.sandpiper.Hop;
import org.jspecify.annotations.Nullable;

/** A message that a consumer of this JVM was given, whichever client it uses; already restored. */
interface Incoming {

  /** What the run is to know of it. */
  Hop.Content content();

  /** What of its way was our doing, or null. */
  Received.@Nullable Journey journey();

  /** Everything of it, to be published again. */
  Received received();

  /** The connection that it came by. */
  Connection connection();

  /**
   * A message of RabbitMQ's client.
   *
   * @param received the message, restored
   * @param connection the connection that it came by
   */
  static Incoming of(Received received, Connection connection) {
    return new Incoming() {
      @Override
      public Hop.Content content() {
        return received.content();
      }

      @Override
      public Received.@Nullable Journey journey() {
        return received.journey();
      }

      @Override
      public Received received() {
        return received;
      }

      @Override
      public Connection connection() {
        return connection;
      }
    };
  }
}
