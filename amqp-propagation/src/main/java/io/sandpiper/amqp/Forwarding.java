package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ShutdownSignalException;
import io.sandpiper.Arrival;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * Sends messages on to the home of their test; what cannot get there is parked in a queue of ours
 * and reported.
 */
final class Forwarding {

  private static final int MOST_HOPS = 3;
  private static final long PATIENCE_SECONDS = 10;
  private static final long NO_QUEUE = -2;
  private static final long NO_ANSWER = -1;
  private static final long BACK_WITHIN_SECONDS = 5;
  private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final Run run;
  private final PutBack putBack;
  private final Homes homes;

  Forwarding(Run run) {
    this.run = run;
    this.putBack = PutBack.of(run);
    this.homes = Homes.of(run);
  }

  /**
   * Forwards a message, and waits until the broker has it.
   *
   * @param journey the way on which it comes there
   * @param home the home's queue
   * @param channel the one that it came by
   * @return whether it is on its way home; else it has been parked
   * @throws NotForwardedException where the broker has not confirmed it; the channel is closed then
   */
  boolean forward(Original message, Original.Journey journey, String home, Channel channel) {
    if (message.hops() >= MOST_HOPS) {
      park(message, channel, "it was forwarded %d times".formatted(message.hops()));
      return false;
    }
    Connection connection = channel.getConnection();
    Outlet.Outcome outcome =
        isInhabited(home, connection)
            ? send(home, message, journey, connection)
            : Outlet.Outcome.REFUSED;
    if (outcome == Outlet.Outcome.REFUSED) {
      park(message, channel, "nobody is at %s".formatted(home));
      return false;
    }
    if (outcome != Outlet.Outcome.CONFIRMED) {
      throw give(message, home, channel, outcome);
    }
    return true;
  }

  /** By another name: what the broker returned may still be on its way back. */
  private void park(Original message, Channel channel, String why) {
    Outlet.Outcome outcome =
        send(Homes.PARKED, message, message.again(false), channel.getConnection());
    if (outcome == Outlet.Outcome.FAILED) {
      throw give(message, Homes.PARKED, channel, outcome);
    }
    parked(message, why, outcome);
  }

  /** Records that a message is in the queue of parked ones, or would have been. */
  void parked(Original message, String why, Outlet.Outcome outcome) {
    String text =
        outcome == Outlet.Outcome.CONFIRMED
            ? "%s is of another home, and is parked in queue %s: %s."
                .formatted(message, Homes.PARKED, why)
            : "%s is of another home, and is lost: %s, and queue %s took none."
                .formatted(message, why, Homes.PARKED);
    Sandbox sandbox = run.sandboxOf(message.content());
    if (sandbox != null) {
      sandbox.journal().note(text);
    } else if (run.arrive(message.content(), "nobody") instanceof Arrival.Accepted accepted) {
      accepted.work().finish(null);
    }
    run.recordRefusedWork(message.queue(), text);
  }

  /**
   * Whether anybody consumes at a home. Its queue outlives a connection that is cut, so where that
   * is there it is given some time to be back; once, because it blocks a listener.
   */
  private boolean isInhabited(String home, Connection connection) {
    boolean inhabited = isInhabited(home, connection, homes.isDeserted(home));
    homes.inhabited(home, inhabited);
    return inhabited;
  }

  private static boolean isInhabited(String home, Connection connection, boolean deserted) {
    long patience = deserted ? 0 : BACK_WITHIN_SECONDS;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(patience);
    long consumers = consumers(home, connection);
    while (consumers == 0) {
      if (System.nanoTime() > deadline || Thread.currentThread().isInterrupted()) {
        return false;
      }
      LockSupport.parkNanos(LOOK_AGAIN_NANOS);
      consumers = consumers(home, connection);
    }
    return consumers != NO_QUEUE;
  }

  /** How many consume from a queue; {@link #NO_QUEUE}, or {@link #NO_ANSWER}. */
  private static long consumers(String queue, Connection connection) {
    try (Channel asking = OwnConnections.channel(connection)) {
      return asking.consumerCount(queue);
    } catch (IOException refused) {
      return refused.getCause() instanceof ShutdownSignalException signal
              && signal.getReason() instanceof AMQP.Channel.Close close
              && close.getReplyCode() == AMQP.NOT_FOUND
          ? NO_QUEUE
          : NO_ANSWER;
    } catch (TimeoutException | RuntimeException noAnswer) {
      return NO_ANSWER;
    }
  }

  private Outlet.Outcome send(
      String queue, Original message, Original.Journey journey, Connection connection) {
    CountDownLatch told = new CountDownLatch(1);
    AtomicReference<Outlet.Outcome> outcome = new AtomicReference<>(Outlet.Outcome.FAILED);
    putBack.send(
        queue,
        message,
        journey,
        connection,
        result -> {
          outcome.set(result);
          told.countDown();
        });
    try {
      return told.await(PATIENCE_SECONDS, TimeUnit.SECONDS) ? outcome.get() : Outlet.Outcome.FAILED;
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      return Outlet.Outcome.FAILED;
    }
  }

  /** A rejected message would come again at once, and for ever. */
  private static NotForwardedException give(
      Original message, String to, Channel channel, Outlet.Outcome outcome) {
    NotForwardedException failed = new NotForwardedException(message, to, outcome);
    try {
      channel.close();
    } catch (IOException | TimeoutException | RuntimeException closedAlready) {
      failed.addSuppressed(closedAlready);
    }
    return failed;
  }
}
