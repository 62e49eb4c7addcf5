package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import io.sandpiper.Run;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Looks from time to time for those who wait for a message; one for a run. */
final class TimedPolls implements AutoCloseable {

  private static final long PAUSE_MILLIS = 20;

  private final ScheduledThreadPoolExecutor clock = Clock.start("sandpiper-timed-polls");

  /** Those of a run. */
  static TimedPolls of(Run run) {
    return run.shared(TimedPolls.class, TimedPolls::new);
  }

  private final Map<Channel, TimedPoll> waiting = new ConcurrentHashMap<>();

  void add(Channel channel, TimedPoll poll) {
    waiting.put(channel, poll);
  }

  void remove(Channel channel, TimedPoll poll) {
    waiting.remove(channel, poll);
  }

  /** A template has given up, or has its message; it may close the channel when this returns. */
  void cancelled(Channel channel) {
    TimedPoll poll = waiting.remove(channel);
    if (poll != null) {
      poll.leave();
    }
  }

  /** Does something again and again, until that is cancelled. */
  Future<?> repeat(Runnable look) {
    return clock.scheduleWithFixedDelay(look, PAUSE_MILLIS, PAUSE_MILLIS, TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    clock.shutdownNow();
  }
}
