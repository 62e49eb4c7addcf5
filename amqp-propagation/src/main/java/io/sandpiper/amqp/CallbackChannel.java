package io.sandpiper.amqp;

import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Return;
import com.rabbitmq.client.ShutdownSignalException;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongConsumer;
import org.springframework.amqp.rabbit.connection.PendingConfirm;
import org.springframework.amqp.rabbit.connection.PublisherCallbackChannelImpl;

/**
 * A channel of Spring's with publisher confirms or returns, which tells of each message inside the
 * scope of the test that has published it: callbacks of templates, and futures of correlation data.
 *
 * <p>A confirm is counted work of its test from the publishing until whoever waits for it was told.
 */
final class CallbackChannel extends PublisherCallbackChannelImpl {

  /** A message that the broker has not confirmed. */
  private record Unconfirmed(Work work, PendingConfirm confirm) {}

  private final TransitCounter transits;
  private final ExecutorService callbacks;
  private final Lock giving = new ReentrantLock();
  private final ConcurrentNavigableMap<Long, Unconfirmed> unconfirmed =
      new ConcurrentSkipListMap<>();

  /**
   * A channel around another.
   *
   * @param executor runs the callbacks
   */
  CallbackChannel(Channel delegate, ExecutorService executor, Run run) {
    // What a scope submits stays in it, and is counted.
    super(delegate, Sandbox.wrap(executor));
    this.transits = TransitCounter.of(run);
    this.callbacks = executor;
  }

  @Override
  public void addPendingConfirm(Listener listener, long number, PendingConfirm confirm) {
    super.addPendingConfirm(listener, number, confirm);
    Work publisher = Work.current();
    Work work = publisher == null ? null : publisher.sandbox().begin("confirm of a message");
    Unconfirmed never =
        work == null
            ? unconfirmed.remove(number)
            : unconfirmed.put(number, new Unconfirmed(work, confirm));
    if (never != null) {
      // That was not sent, and its number is the next one's.
      never.work().finish(null);
    }
  }

  @Override
  public void handleAck(long number, boolean multiple) {
    told(number, multiple, each -> super.handleAck(each, false));
    super.handleAck(number, multiple);
  }

  @Override
  public void handleNack(long number, boolean multiple) {
    told(number, multiple, each -> super.handleNack(each, false));
    super.handleNack(number, multiple);
  }

  /** Tells whoever waits for messages of tests; each in its scope, and only once. */
  private void told(long number, boolean multiple, LongConsumer tell) {
    long first = multiple ? Long.MIN_VALUE : number;
    for (long each : List.copyOf(unconfirmed.subMap(first, true, number, true).keySet())) {
      Unconfirmed message = unconfirmed.remove(each);
      if (message != null) {
        inScope(message.work(), () -> tell.accept(each));
      }
    }
  }

  @Override
  public void handle(Return returned) {
    Sandbox sandbox = transits.sandboxOf(returned.getRoutingKey(), returned.getProperties());
    Work work = sandbox == null ? null : sandbox.begin("return of a message");
    if (work == null) {
      super.handle(returned);
    } else {
      inScope(work, () -> super.handle(returned));
    }
  }

  /** What is not confirmed now never will be; Spring tells so where no test is bound. */
  @Override
  public void shutdownCompleted(ShutdownSignalException cause) {
    callbacks.execute(
        () -> {
          giveUp(Objects.requireNonNullElse(cause.getMessage(), "Normal"));
          super.shutdownCompleted(cause);
        });
  }

  /** Spring gives up by itself here too. */
  @Override
  public void close() throws IOException, TimeoutException {
    try {
      getDelegate().close();
    } catch (AlreadyClosedException closed) {
      giveUp(Objects.requireNonNullElse(closed.getMessage(), "Normal"));
    }
    giveUp("Channel closed by application");
    super.close();
  }

  /** Whoever is second waits for the first. */
  private void giveUp(String why) {
    giving.lock();
    try {
      unconfirmed.values().forEach(message -> message.confirm().setCause(why));
      told(Long.MAX_VALUE, true, each -> super.handleNack(each, false));
    } finally {
      giving.unlock();
    }
  }

  private static void inScope(Work work, Runnable tell) {
    try (Scope scope = work.bind()) {
      tell.run();
    } finally {
      work.finish(null);
    }
  }
}
