package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import io.sandpiper.Hop;
import org.jspecify.annotations.Nullable;

/** A message that a consumer of this JVM was given, whichever client it uses; already restored. */
interface Incoming {

  /** What the run is to know of it. */
  Hop.Content content();

  /** What of its way was our doing, or null. */
  Original.@Nullable Journey journey();

  /** Everything of it, to be published again. */
  Original received();

  /** The channel that it came by. */
  Channel channel();

  /**
   * A message of RabbitMQ's client.
   *
   * @param received the message, restored
   * @param channel the channel that it came by
   */
  static Incoming of(Original received, Channel channel) {
    return new Incoming() {
      @Override
      public Hop.Content content() {
        return received.content();
      }

      @Override
      public Original.@Nullable Journey journey() {
        return received.journey();
      }

      @Override
      public Original received() {
        return received;
      }

      @Override
      public Channel channel() {
        return channel;
      }
    };
  }
}
