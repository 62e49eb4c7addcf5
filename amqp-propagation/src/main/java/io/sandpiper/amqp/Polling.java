package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.GetResponse;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
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

    private void acknowledge(Got message) throws IOException {
      if (!autoAck) {
        channel.basicAck(message.tag(), false);
      }
    }

    void giveBack(Got message) throws IOException {
      channel.basicReject(message.tag(), true);
    }
  }

  /**
   * A message that was got from a queue.
   *
   * @param response as the client gives it
   * @param original as it was first
   * @param channel the one that it came by
   */
  record Got(GetResponse response, Original original, Channel channel) {

    private static Got of(Source source, GetResponse response) {
      return new Got(
          response,
          Original.of(
              source.queue(), response.getEnvelope(), response.getProps(), response.getBody()),
          source.channel());
    }

    private static @Nullable Got next(Source source) throws IOException {
      GetResponse response = source.next();
      return response == null ? null : of(source, response);
    }

    long tag() {
      return response.getEnvelope().getDeliveryTag();
    }

    /** What the application is to see. */
    private GetResponse restored() {
      return original.journey() == null
          ? response
          : new GetResponse(
              original.envelope(tag()),
              original.properties(),
              original.body(),
              response.getMessageCount());
    }
  }

  /** Takes one of the messages that a search finds. */
  interface Taker {

    /** Returns whether it has; else it has acknowledged the message. */
    boolean takes(Got message) throws IOException;
  }

  /** A message that was kept for the calling thread's test, or null where none was. */
  @Nullable GetResponse kept(String queue) {
    Work caller = Work.current();
    Got kept = caller == null ? null : takeKept(caller, queue);
    while (kept != null && caller != null && !shown(kept)) {
      kept = takeKept(caller, queue);
    }
    return kept == null ? null : kept.restored();
  }

  /** A message that was kept for a test, which nobody has been shown; or null. */
  @Nullable Got takeKept(Work caller, String queue) {
    return Stash.take(caller.sandbox(), broker.get(), queue);
  }

  /**
   * The message that the application is given, or null where the queue has none for it.
   *
   * @param response what has been got already
   */
  @Nullable GetResponse find(Source source, GetResponse response) throws IOException {
    Got first = Got.of(source, response);
    Work caller = Work.current();
    if (caller == null) {
      return search(source, first, null);
    }
    if (source.autoAck()) {
      GetResponse kept = kept(source.queue());
      if (kept == null) {
        return search(source, first, caller);
      }
      keep(first);
      return kept;
    }
    return isOfAnother(first.original(), caller)
        ? searchInTurn(source, first, caller)
        : search(source, first, caller);
  }

  private @Nullable GetResponse searchInTurn(Source source, Got first, Work caller)
      throws IOException {
    Lock turn = turns.turn(broker.get(), source.queue());
    boolean had = turn.tryLock();
    if (!had) {
      // Its owner may be the one who searches now.
      source.giveBack(first);
      turn.lock();
    }
    try {
      return search(source, had ? first : Got.next(source), caller);
    } finally {
      turn.unlock();
    }
  }

  private @Nullable GetResponse search(Source source, @Nullable Got first, @Nullable Work caller)
      throws IOException {
    AtomicReference<@Nullable GetResponse> found = new AtomicReference<>();
    search(
        source,
        first,
        caller,
        message -> {
          boolean shown = shown(message);
          if (shown) {
            found.set(message.restored());
          } else {
            source.acknowledge(message);
          }
          return shown;
        });
    return found.get();
  }

  /**
   * Searches a queue for a test, without waiting for others that do.
   *
   * @return how many messages of other tests have gone back; less than 0 where it was not done,
   *     because others search it now
   */
  int trySearch(Source source, Work caller, Taker taker) throws IOException {
    Lock turn = turns.turn(broker.get(), source.queue());
    if (!turn.tryLock()) {
      return -1;
    }
    try {
      return search(source, Got.next(source), caller, taker);
    } finally {
      turn.unlock();
    }
  }

  /** Returns how many messages of other tests have gone back. */
  private int search(Source source, @Nullable Got first, @Nullable Work caller, Taker taker)
      throws IOException {
    List<Got> ofOthers = new ArrayList<>();
    try {
      Got message = first;
      while (message != null) {
        if (caller != null && isOfAnother(message.original(), caller)) {
          setAside(source, message, ofOthers);
        } else if (taker.takes(message)) {
          return ofOthers.size();
        }
        message = Got.next(source);
      }
      return ofOthers.size();
    } finally {
      for (Got message : ofOthers) {
        source.giveBack(message);
      }
    }
  }

  private void setAside(Source source, Got message, List<Got> ofOthers) {
    if (source.autoAck()) {
      keep(message);
    } else {
      ofOthers.add(message);
    }
  }

  /** Whether a message belongs to another open test. */
  boolean isOfAnother(Original message, Work caller) {
    Sandbox owner = run.sandboxOf(message.content());
    return owner != null && owner != caller.sandbox();
  }

  /** Keeps a message for its test, and records it as late where that ends just now. */
  private void keep(Got message) {
    Sandbox owner = run.sandboxOf(message.original().content());
    if (owner == null || !Stash.put(owner, broker.get(), message.original().queue(), message)) {
      shown(message);
    }
  }

  /** Records a message and says whether the application may see it. */
  private boolean shown(Got message) {
    Inbound.Verdict verdict =
        inbound.judgeHere(Incoming.of(message.original(), message.channel()), null);
    if (verdict instanceof Inbound.Verdict.Handle handle) {
      // Whoever has got it goes on in the scope that he has.
      handle.work().finish(null);
    }
    return !(verdict instanceof Inbound.Verdict.Acknowledge);
  }
}
