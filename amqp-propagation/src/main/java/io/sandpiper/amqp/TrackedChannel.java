package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.util.ClassUtils;

/**
 * The channel of one listener call, which knows what was acknowledged or rejected through it.
 *
 * <p>Whoever settles a delivery twice has its channel closed by the broker. Safe for use by several
 * threads, because a listener may answer with a future.
 */
final class TrackedChannel implements InvocationHandler {

  private final Channel channel;
  private final Channel proxy;
  private final Set<Long> settled = new HashSet<>();
  private final List<Held> held = new ArrayList<>();
  private long settledUpTo;

  private record Held(long delivery, Work work) {}

  TrackedChannel(Channel channel) {
    this.channel = channel;
    this.proxy =
        (Channel)
            Proxy.newProxyInstance(
                TrackedChannel.class.getClassLoader(), ClassUtils.getAllInterfaces(channel), this);
  }

  /** What tracks a channel, or null where nothing does. */
  static @Nullable TrackedChannel of(Channel channel) {
    return Proxy.isProxyClass(channel.getClass())
            && Proxy.getInvocationHandler(channel) instanceof TrackedChannel tracked
        ? tracked
        : null;
  }

  Channel channel() {
    return channel;
  }

  /** The channel that the listener is given. */
  Channel proxy() {
    return proxy;
  }

  synchronized boolean settled(long delivery) {
    return delivery <= settledUpTo || settled.contains(delivery);
  }

  /**
   * Keeps a work open until its delivery is settled; what is published until then by a thread that
   * works for nobody is that work's.
   */
  synchronized void holdUntilSettled(Work work, long delivery) {
    work.hold();
    held.add(new Held(delivery, work));
  }

  /** Lets go of what was not settled, because it will not be. */
  void release() {
    settle(Long.MAX_VALUE, true, null);
  }

  @Override
  public @Nullable Object invoke(Object self, Method method, @Nullable Object @Nullable [] args)
      throws Throwable {
    switch (method.getName()) {
      case "basicAck", "basicNack", "basicReject":
        return settle(method, args);
      case "basicPublish":
        return publish(method, args);
      case "equals":
        return args != null && self == args[0];
      default:
        return call(method, args);
    }
  }

  private @Nullable Object settle(Method method, @Nullable Object @Nullable [] args)
      throws Throwable {
    long delivery = args != null && args[0] instanceof Long tag ? tag : 0;
    boolean multiple =
        !method.getName().equals("basicReject") && args != null && Boolean.TRUE.equals(args[1]);
    Throwable failure =
        method.getName().equals("basicAck")
            ? null
            : new IllegalStateException(
                "Its listener rejected delivery %d. The log of the container has the cause."
                    .formatted(delivery));
    try {
      return call(method, args);
    } finally {
      settle(multiple && delivery == 0 ? Long.MAX_VALUE : delivery, multiple, failure);
    }
  }

  private void settle(long delivery, boolean multiple, @Nullable Throwable failure) {
    List<Held> done = new ArrayList<>();
    synchronized (this) {
      if (multiple) {
        settledUpTo = Math.max(settledUpTo, delivery);
      } else {
        settled.add(delivery);
      }
      for (Held candidate : held) {
        if (settled(candidate.delivery())) {
          done.add(candidate);
        }
      }
      held.removeAll(done);
    }
    done.forEach(one -> one.work().release(failure));
  }

  private @Nullable Object publish(Method method, @Nullable Object @Nullable [] args)
      throws Throwable {
    Work work = Work.current() == null ? firstHeld() : null;
    try (Scope scope = work == null ? null : work.bind()) {
      return call(method, args);
    }
  }

  private synchronized @Nullable Work firstHeld() {
    return held.isEmpty() ? null : held.get(0).work();
  }

  private @Nullable Object call(Method method, @Nullable Object @Nullable [] args)
      throws Throwable {
    try {
      return method.invoke(channel, args);
    } catch (InvocationTargetException thrown) {
      throw thrown.getCause();
    }
  }
}
