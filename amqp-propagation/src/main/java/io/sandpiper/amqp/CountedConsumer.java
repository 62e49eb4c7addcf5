package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Consumer;
import com.rabbitmq.client.ShutdownListener;
import com.rabbitmq.client.ShutdownSignalException;
import io.sandpiper.Work;
import java.io.IOException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A consumer that is counted among the {@link Consumers} of its queue while the broker may deliver
 * to it.
 */
final class CountedConsumer extends DelegatingConsumer {

  private final Supplier<java.util.function.Consumer<Departure>> counting;
  private final ShutdownListener closed = cause -> leave(Departure.of(cause));

  // Guarded by this.
  private @Nullable Channel channel;
  private java.util.function.@Nullable Consumer<Departure> leave;
  private boolean left;

  /**
   * A consumer that is not counted yet.
   *
   * @param counting counts it from then on, and says how that is ended
   */
  CountedConsumer(Consumer delegate, Supplier<java.util.function.Consumer<Departure>> counting) {
    super(delegate);
    this.counting = counting;
  }

  /**
   * Says where it is consumed; before anything is delivered.
   *
   * @param caller what the thread does that has asked for it, or null
   */
  void on(Channel onChannel, boolean autoAck, @Nullable Work caller) {
    synchronized (this) {
      channel = onChannel;
    }
    if (delegate() instanceof ScopedConsumer scoped) {
      scoped.registered(onChannel, autoAck);
    } else if (delegate() instanceof TimedPoll poll) {
      poll.registered(onChannel, autoAck, caller);
    }
  }

  /** The broker has agreed. */
  void joined() {
    Channel onChannel;
    synchronized (this) {
      onChannel = channel;
      if (left || leave != null || onChannel == null) {
        return;
      }
      leave = counting.get();
    }
    // Calls it at once where the channel is closed already.
    onChannel.addShutdownListener(closed);
  }

  private void leave(Departure departure) {
    java.util.function.Consumer<Departure> leaving;
    Channel onChannel;
    synchronized (this) {
      left = true;
      leaving = leave;
      leave = null;
      onChannel = channel;
    }
    if (leaving != null && onChannel != null) {
      leaving.accept(departure);
      onChannel.removeShutdownListener(closed);
    }
  }

  /** Also where a connection has recovered and registers the same consumer once more. */
  @Override
  public void handleConsumeOk(String consumerTag) {
    synchronized (this) {
      left = false;
    }
    joined();
    super.handleConsumeOk(consumerTag);
  }

  @Override
  public void handleCancelOk(String consumerTag) {
    leave(Departure.ASKED_FOR);
    super.handleCancelOk(consumerTag);
  }

  @Override
  public void handleCancel(String consumerTag) throws IOException {
    leave(Departure.CANCELLED);
    super.handleCancel(consumerTag);
  }

  @Override
  public void handleShutdownSignal(String consumerTag, ShutdownSignalException signal) {
    leave(Departure.of(signal));
    super.handleShutdownSignal(consumerTag, signal);
  }
}
