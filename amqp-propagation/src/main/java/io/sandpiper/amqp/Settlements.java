package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import io.sandpiper.Run;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Knows of each delivery that is being handled whether the application has acknowledged or rejected
 * it: the broker closes a channel on which that is done twice.
 */
final class Settlements implements AutoCloseable {

  /** A delivery from before it is handled until afterwards; a channel has one at a time. */
  static final class Delivery {

    private final long tag;
    private volatile boolean settled;

    private Delivery(long tag) {
      this.tag = tag;
    }

    long tag() {
      return tag;
    }

    boolean settled() {
      return settled;
    }
  }

  private final Map<Channel, Delivery> handled = new ConcurrentHashMap<>();

  /** Those of a run. */
  static Settlements of(Run run) {
    return run.shared(Settlements.class, Settlements::new);
  }

  Delivery begin(Channel channel, long tag) {
    Delivery delivery = new Delivery(tag);
    handled.put(channel, delivery);
    return delivery;
  }

  void end(Channel channel, Delivery delivery) {
    handled.remove(channel, delivery);
  }

  /** The application has settled a delivery, or with {@code multiple} all up to it. */
  void settled(Channel channel, long tag, boolean multiple) {
    Delivery delivery = handled.get(channel);
    if (delivery != null && (tag == delivery.tag || tag == 0 || multiple && tag > delivery.tag)) {
      delivery.settled = true;
    }
  }

  @Override
  public void close() {
    handled.clear();
  }
}
