package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.impl.AMQChannel;
import io.sandpiper.Work;
import java.lang.reflect.Field;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Knows for whom consumers are registered: the client does that on the thread that reads from the
 * broker, and not on the one that has asked for it.
 *
 * <p>The traffic listener is called on the thread that asks, and is told no channel; but that
 * thread holds the lock of the channel then. Safe for use by several threads.
 */
final class Callers {

  private static final Field LOCK = lockOfChannels();

  private final Set<Channel> channels = ConcurrentHashMap.newKeySet();
  private final Map<Channel, Work> asking = new ConcurrentHashMap<>();

  private static Field lockOfChannels() {
    try {
      Field lock = AMQChannel.class.getDeclaredField("_channelLock");
      lock.setAccessible(true);
      return lock;
    } catch (ReflectiveOperationException unknown) {
      throw missing(unknown);
    }
  }

  private static IllegalStateException missing(@Nullable Exception cause) {
    return new IllegalStateException(
        "This version of RabbitMQ's Java client does not lock its channels by AMQChannel._channelLock."
            + " Use the version that Spring Boot manages, or report it to Sandpiper.",
        cause);
  }

  void opened(Channel channel) {
    channels.add(channel);
  }

  void closed(Channel channel) {
    channels.remove(channel);
    asking.remove(channel);
  }

  /** The current thread asks for a consumer, now. */
  void consume() {
    Work work = Work.current();
    for (Channel channel : channels) {
      if (isLocked(channel)) {
        if (work == null) {
          asking.remove(channel);
        } else {
          asking.put(channel, work);
        }
      }
    }
  }

  private static boolean isLocked(Channel channel) {
    try {
      return LOCK.get(channel) instanceof ReentrantLock lock && lock.isHeldByCurrentThread();
    } catch (IllegalAccessException changed) {
      throw missing(changed);
    }
  }

  /** Who has asked for the consumer that is registered on a channel; null where it is no test. */
  @Nullable Work take(Channel channel) {
    return asking.remove(channel);
  }
}
