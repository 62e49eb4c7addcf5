package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What was sent on channels with publisher confirms and is not confirmed: the broker tells of a
 * message that it does not take by its number only.
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

  /**
   * Something was sent.
   *
   * @param publication what, or null where it is no test's
   */
  void sent(Channel channel, @Nullable Publication publication) {
    long number = channel.getNextPublishSeqNo() - 1;
    if (number < 1) {
      return;
    }
    OnChannel on = channels.computeIfAbsent(channel, any -> new OnChannel());
    Boolean taken;
    synchronized (on) {
      on.last = Math.max(on.last, number);
      taken = on.early.remove(number);
      if (taken == null && publication != null) {
        on.unconfirmed.put(number, publication);
      }
    }
    if (publication != null && Boolean.FALSE.equals(taken)) {
      refused(publication);
    }
  }

  /**
   * The broker has told what it did with a message.
   *
   * @param multiple whether with all before it too
   * @param taken whether it has taken them
   */
  void confirmed(Channel channel, long number, boolean multiple, boolean taken) {
    OnChannel on = channels.computeIfAbsent(channel, any -> new OnChannel());
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
    if (!taken) {
      confirmed.forEach(Confirms::refused);
    }
  }

  private static void refused(Publication publication) {
    publication.lost("was not taken by the broker (a negative publisher confirm)");
  }

  /**
   * A channel is closed.
   *
   * @param why as whom it concerns is told
   * @param lost whether the application has not closed it itself: what is not confirmed may be lost
   *     then
   */
  void closed(Channel channel, String why, boolean lost) {
    OnChannel on = channels.remove(channel);
    if (on == null || !lost) {
      return;
    }
    List<Publication> unconfirmed;
    synchronized (on) {
      unconfirmed = List.copyOf(on.unconfirmed.values());
    }
    unconfirmed.forEach(
        publication -> publication.lost("was not confirmed when its channel closed: " + why));
  }
}
