package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.ShutdownSignalException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What was sent on channels with publisher confirms and is not confirmed: the broker tells of a
 * message that it has taken, or not, by its number only.
 *
 * <p>Safe for use by several threads; on one channel only one publishes at a time.
 */
final class Confirms {

  private final Map<Channel, OnChannel> channels = new ConcurrentHashMap<>();

  /** What was sent on one channel; guarded by itself. */
  private static final class OnChannel {

    private final NavigableMap<Long, Publication> unconfirmed = new TreeMap<>();

    /** Confirmed before the sending thread has told of it; whether the broker has taken it. */
    private final Map<Long, Boolean> early = new HashMap<>();

    private long last;
  }

  /** A channel is opened; nothing is told of others. */
  void opened(Channel channel) {
    channels.put(channel, new OnChannel());
  }

  /**
   * Something was sent.
   *
   * @param publication what, or null where it is no test's
   */
  void sent(Channel channel, @Nullable Publication publication) {
    long number = channel.getNextPublishSeqNo() - 1;
    OnChannel on = number < 1 ? null : channels.get(channel);
    if (on == null) {
      return;
    }
    Boolean taken;
    synchronized (on) {
      on.last = Math.max(on.last, number);
      taken = on.early.remove(number);
      if (taken == null && publication != null) {
        on.unconfirmed.put(number, publication);
      }
    }
    if (taken != null && publication != null) {
      tell(publication, taken);
    }
  }

  /**
   * The broker has told what it did with a message.
   *
   * @param multiple whether with all before it too
   * @param taken whether it has taken them
   */
  void confirmed(Channel channel, long number, boolean multiple, boolean taken) {
    OnChannel on = channels.get(channel);
    if (on == null) {
      return;
    }
    List<Publication> confirmed;
    synchronized (on) {
      NavigableMap<Long, Publication> those =
          on.unconfirmed.subMap(multiple ? Long.MIN_VALUE : number, true, number, true);
      confirmed = List.copyOf(those.values());
      those.clear();
      if (number > on.last) {
        on.early.put(number, taken);
      }
    }
    confirmed.forEach(publication -> tell(publication, taken));
  }

  private static void tell(Publication publication, boolean taken) {
    if (taken) {
      publication.confirmed();
    } else {
      publication.lost("was not taken by the broker, which has said so by a publisher confirm");
    }
  }

  /**
   * A channel is closed. Where the application has not done it, nobody knows what became of that
   * which was not confirmed.
   */
  void closed(Channel channel, ShutdownSignalException cause) {
    OnChannel on = channels.remove(channel);
    if (on == null || cause.isInitiatedByApplication()) {
      return;
    }
    List<Publication> unconfirmed;
    synchronized (on) {
      unconfirmed = List.copyOf(on.unconfirmed.values());
    }
    String why = "was not confirmed by the broker (%s)".formatted(Departure.of(cause).why());
    unconfirmed.forEach(publication -> publication.uncertain(why));
  }
}
