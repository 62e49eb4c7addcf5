package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What was sent on the transacted channels of a connection factory and is not committed.
 *
 * <p>The client does not tell on which channel a transaction is selected, committed or rolled back.
 * It is taken to be selected on the channel that the thread opened last, as Spring AMQP does it,
 * and committed or rolled back by the thread that has sent, for all channels that it has sent on.
 * Safe for use by several threads.
 */
final class Transactions {

  private record Uncommitted(Thread sender, Publication publication) {}

  private final ThreadLocal<@Nullable WeakReference<Channel>> opened = new ThreadLocal<>();
  private final Set<Channel> transacted = ConcurrentHashMap.newKeySet();
  private final Map<Channel, List<Uncommitted>> uncommitted = new ConcurrentHashMap<>();

  /** The current thread has opened a channel. */
  void opened(Channel channel) {
    opened.set(new WeakReference<>(channel));
  }

  /** The current thread selects a transaction. */
  void selected() {
    WeakReference<Channel> last = opened.get();
    Channel channel = last == null ? null : last.get();
    if (channel != null) {
      transacted.add(channel);
    }
  }

  /** Whether a channel is transacted. */
  boolean on(Channel channel) {
    return transacted.contains(channel);
  }

  /** The current thread has sent something. */
  void sent(Channel channel, Publication publication) {
    if (transacted.contains(channel)) {
      uncommitted.compute(
          channel,
          (same, present) -> {
            List<Uncommitted> all = present == null ? new ArrayList<>() : present;
            all.add(new Uncommitted(Thread.currentThread(), publication));
            return all;
          });
    }
  }

  /** The current thread commits. */
  void committed() {
    ofThisThread();
  }

  /** The current thread rolls back. */
  void rolledBack() {
    ofThisThread().forEach(publication -> publication.lost("was rolled back"));
  }

  private List<Publication> ofThisThread() {
    Thread thread = Thread.currentThread();
    List<Publication> own = new ArrayList<>();
    for (Channel channel : uncommitted.keySet()) {
      uncommitted.computeIfPresent(
          channel,
          (same, all) -> {
            all.stream()
                .filter(one -> one.sender() == thread)
                .forEach(one -> own.add(one.publication()));
            all.removeIf(one -> one.sender() == thread);
            return all.isEmpty() ? null : all;
          });
    }
    return own;
  }

  /** What is not committed is rolled back then. */
  void closed(Channel channel) {
    transacted.remove(channel);
    List<Uncommitted> all = uncommitted.remove(channel);
    if (all != null) {
      all.forEach(one -> one.publication().lost("was not committed when its channel was closed"));
    }
  }
}
