package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Consumer;
import com.rabbitmq.client.ShutdownListener;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A consumer that is counted among the {@link Consumers} of its queue while the broker may deliver
 * to it.
 */
final class CountedConsumer extends DelegatingConsumer {

  private final Supplier<Runnable> counting;

  // Guarded by this.
  private @Nullable Channel channel;
  private @Nullable Runnable leave;
  private boolean left;
  private final ShutdownListener closed = cause -> leave();

  /**
   * A consumer that is not counted yet.
   *
   * @param counting counts it from then on, and says how that is ended
   */
  CountedConsumer(Consumer delegate, Supplier<Runnable> counting) {
    super(delegate);
    this.counting = counting;
  }

  /** To be called when the broker has agreed, before anything is delivered. */
  void joined(Channel onChannel) {
    synchronized (this) {
      if (left || leave != null) {
        return;
      }
      channel = onChannel;
      leave = counting.get();
    }
    // Calls it at once where the channel is closed already.
    onChannel.addShutdownListener(closed);
  }

  private void leave() {
    Runnable leaving;
    Channel from;
    synchronized (this) {
      left = true;
      leaving = leave;
      from = channel;
      leave = null;
    }
    if (from != null) {
      from.removeShutdownListener(closed);
    }
    if (leaving != null) {
      leaving.run();
    }
  }

  /** Also when a connection has recovered, which registers the same consumer once more. */
  @Override
  public void handleConsumeOk(String consumerTag) {
    rejoined();
    super.handleConsumeOk(consumerTag);
  }

  private void rejoined() {
    Channel again;
    synchronized (this) {
      again = channel;
      left = false;
    }
    if (again != null) {
      joined(again);
    }
  }

  @Override
  public void handleCancelOk(String consumerTag) {
    leave();
    super.handleCancelOk(consumerTag);
  }

  @Override
  public void handleCancel(String consumerTag) throws IOException {
    leave();
    super.handleCancel(consumerTag);
  }

  @Override
  public void handleShutdownSignal(String consumerTag, ShutdownSignalException signal) {
    leave();
    super.handleShutdownSignal(consumerTag, signal);
  }
}
