package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.GetResponse;
import io.sandpiper.Hop;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Gets single messages from a queue that several tests share: each test gets its own.
 *
 * <p>What belongs to another open test is kept for that, where getting it has acknowledged it, or
 * goes back to the queue when the search is over. What must not reach the application is
 * acknowledged and recorded. Whoever works for no test gets what comes first, as in production.
 */
final class Polling {

  private final Run run;
  private final Inbound inbound;
  private final Supplier<BrokerKey> broker;
  private final Turns turns;

  Polling(Run run, Inbound inbound, Supplier<BrokerKey> broker) {
    this.run = run;
    this.inbound = inbound;
    this.broker = broker;
    this.turns = Turns.of(run);
  }

  /**
   * Where messages are got from, and settled.
   *
   * @param autoAck whether getting a message acknowledges it
   */
  record Source(Channel channel, String queue, boolean autoAck) {

    @Nullable GetResponse next() throws IOException {
      return channel.basicGet(queue, autoAck);
    }

    private void acknowledge(GetResponse message) throws IOException {
      if (!autoAck) {
        channel.basicAck(message.getEnvelope().getDeliveryTag(), false);
      }
    }

    private void giveBack(GetResponse message) throws IOException {
      channel.basicReject(message.getEnvelope().getDeliveryTag(), true);
    }
  }

  /** A message that was kept for the calling thread's test, or null where none was. */
  @Nullable GetResponse kept(String queue) {
    Work caller = Work.current();
    if (caller == null) {
      return null;
    }
    GetResponse kept = Stash.take(caller.sandbox(), broker.get(), queue);
    return kept == null || shown(queue, kept) ? kept : null;
  }

  /**
   * The message that the application is given, or null where the queue has none for it.
   *
   * @param first what has been got already
   */
  @Nullable GetResponse find(Source source, GetResponse first) throws IOException {
    Work caller = Work.current();
    if (caller == null) {
      return search(source, first, null);
    }
    if (source.autoAck()) {
      GetResponse kept = kept(source.queue());
      if (kept == null) {
        return search(source, first, caller);
      }
      keep(source.queue(), first);
      return kept;
    }
    return isOfAnother(source.queue(), first, caller)
        ? searchInTurn(source, first, caller)
        : search(source, first, caller);
  }

  private @Nullable GetResponse searchInTurn(Source source, GetResponse first, Work caller)
      throws IOException {
    Lock turn = turns.turn(broker.get(), source.queue());
    boolean had = turn.tryLock();
    if (!had) {
      // Its owner may be the one who searches now.
      source.giveBack(first);
      turn.lock();
    }
    try {
      return search(source, had ? first : source.next(), caller);
    } finally {
      turn.unlock();
    }
  }

  private @Nullable GetResponse search(
      Source source, @Nullable GetResponse first, @Nullable Work caller) throws IOException {
    List<GetResponse> ofOthers = new ArrayList<>();
    try {
      GetResponse message = first;
      while (message != null) {
        if (caller != null && isOfAnother(source.queue(), message, caller)) {
          setAside(source, message, ofOthers);
        } else if (shown(source.queue(), message)) {
          return message;
        } else {
          source.acknowledge(message);
        }
        message = source.next();
      }
      return null;
    } finally {
      for (GetResponse message : ofOthers) {
        source.giveBack(message);
      }
    }
  }

  private void setAside(Source source, GetResponse message, List<GetResponse> ofOthers) {
    if (source.autoAck()) {
      keep(source.queue(), message);
    } else {
      ofOthers.add(message);
    }
  }

  private boolean isOfAnother(String queue, GetResponse message, Work caller) {
    Sandbox owner = run.sandboxOf(content(queue, message));
    return owner != null && owner != caller.sandbox();
  }

  /** Keeps a message for its test, and records it as late where that ends just now. */
  private void keep(String queue, GetResponse message) {
    Sandbox owner = run.sandboxOf(content(queue, message));
    if (owner == null || !Stash.put(owner, broker.get(), queue, message)) {
      shown(queue, message);
    }
  }

  /** Records a message and says whether the application may see it. */
  private boolean shown(String queue, GetResponse message) {
    Inbound.Verdict verdict = inbound.arrive(content(queue, message), null);
    if (verdict instanceof Inbound.Verdict.Handle handle) {
      // Whoever has got it goes on in the scope that he has.
      handle.work().finish(null);
    }
    return !(verdict instanceof Inbound.Verdict.Acknowledge);
  }

  private static Hop.Content content(String queue, GetResponse message) {
    return Received.content(queue, message.getEnvelope(), message.getProps(), message.getBody());
  }
}
