package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.impl.recovery.AutorecoveringChannel;
import io.sandpiper.Run;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.rabbit.connection.ChannelProxy;
import org.springframework.amqp.rabbit.connection.PublisherCallbackChannel;

/**
 * The deliveries of all channels of a run that have to be settled and are not.
 *
 * <p>Safe for use by several threads.
 */
final class Deliveries implements AutoCloseable {

  /**
   * Where deliveries come from.
   *
   * @param autoAck whether the broker takes them as settled at once
   */
  record Source(BrokerKey broker, String queue, boolean autoAck) {}

  /**
   * How a delivery is told from others.
   *
   * @param transacted whether it is settled in a transaction
   */
  record Tags(long delivery, String consumer, boolean transacted) {}

  private final TransitCounter transits;

  /** Those of a closed channel stay as long as somebody may still handle what it has delivered. */
  private final Map<Channel, OnChannel> channels = Collections.synchronizedMap(new WeakHashMap<>());

  /** What is delivered on one channel; guarded by itself. */
  private static final class OnChannel {

    private final Map<String, Source> consumers = new ConcurrentHashMap<>();
    private final NavigableMap<Long, Delivery> open = new TreeMap<>();
  }

  private Deliveries(TransitCounter transits) {
    this.transits = transits;
  }

  /** Those of a run. */
  static Deliveries of(Run run) {
    return run.shared(Deliveries.class, () -> new Deliveries(TransitCounter.of(run)));
  }

  /** A consumer begins. */
  void consumes(Channel channel, String consumerTag, Source source) {
    channels.computeIfAbsent(channel, any -> new OnChannel()).consumers.put(consumerTag, source);
  }

  /** A message has come for a consumer, which may not have it yet. */
  void delivered(
      Channel channel, Tags tags, AMQP.Basic.Deliver deliver, AMQP.BasicProperties properties) {
    OnChannel on = channels.get(channel);
    Source source = on == null ? null : on.consumers.get(tags.consumer());
    if (on == null || source == null) {
      return;
    }
    transits.arrived(source.broker(), source.queue(), deliver, properties);
    if (!source.autoAck()) {
      Delivery delivery = new Delivery(transits, source, tags.transacted(), deliver, properties);
      synchronized (on) {
        on.open.put(tags.delivery(), delivery);
      }
    }
  }

  /**
   * The delivery with a tag, or null where it is settled or not to be.
   *
   * @param channel the client's own, or one around it
   */
  @Nullable Delivery find(Channel channel, long deliveryTag) {
    OnChannel on = channels.get(innermost(channel));
    if (on == null) {
      return null;
    }
    synchronized (on) {
      return on.open.get(deliveryTag);
    }
  }

  private static Channel innermost(Channel channel) {
    Channel inner = channel;
    while (true) {
      Channel next = inner;
      if (inner instanceof AutorecoveringChannel recovering) {
        next = recovering.getDelegate();
      } else if (inner instanceof ChannelProxy proxy) {
        next = proxy.getTargetChannel();
      } else if (inner instanceof PublisherCallbackChannel callback) {
        next = callback.getDelegate();
      }
      if (next == inner) {
        return inner;
      }
      inner = next;
    }
  }

  /**
   * The broker was told what to do with a delivery.
   *
   * @param multiple whether with all before it too
   */
  void settled(
      Channel channel, long deliveryTag, boolean multiple, Delivery.Settlement settlement) {
    OnChannel on = channels.get(channel);
    if (on != null) {
      take(on, deliveryTag, multiple).forEach(delivery -> delivery.settled(settlement));
    }
  }

  private static List<Delivery> take(OnChannel on, long deliveryTag, boolean multiple) {
    synchronized (on) {
      // With the tag 0 all that are open are meant.
      long last = multiple && deliveryTag == 0 ? Long.MAX_VALUE : deliveryTag;
      NavigableMap<Long, Delivery> those =
          multiple ? on.open.headMap(last, true) : on.open.subMap(last, true, last, true);
      List<Delivery> taken = new ArrayList<>(those.values());
      those.clear();
      return taken;
    }
  }

  /** What was not settled on it is delivered again. */
  void closed(Channel channel) {
    OnChannel on = channels.get(channel);
    if (on != null) {
      List<Delivery> unsettled;
      synchronized (on) {
        unsettled = List.copyOf(on.open.values());
      }
      unsettled.forEach(Delivery::channelClosed);
    }
  }

  @Override
  public void close() {
    channels.clear();
  }
}
