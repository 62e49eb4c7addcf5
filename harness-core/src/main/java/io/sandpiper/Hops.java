package io.sandpiper;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Records what is sent and received by one test: in its mailbox, its journal and its ledger, and in
 * the run, which finds by it whose a reply is that carries no test id.
 */
final class Hops {

  private final Sandbox sandbox;

  // Guarded by the monitor of the sandbox.
  private final List<String> correlationKeys = new ArrayList<>();
  private final List<String> replyAddresses = new ArrayList<>();

  Hops(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /** Records a hop that leaves this process. */
  Hop sent(Hop.Content content) {
    return sent(content, () -> "", List.of(), true);
  }

  /**
   * Records a message that is sent to queues with a consumer in this JVM, and perhaps elsewhere.
   */
  Hop sent(Hop.Content content, List<String> queues, boolean elsewhere) {
    return sent(content, () -> whereTo(queues, elsewhere), queues, elsewhere);
  }

  private static String whereTo(List<String> queues, boolean elsewhere) {
    String received = queues.isEmpty() ? "" : ", to be received from " + String.join(", ", queues);
    return elsewhere ? received + ", left the process" : received;
  }

  private Hop sent(
      Hop.Content content, Supplier<String> whereTo, List<String> queues, boolean outstanding) {
    return sandbox.read(
        () -> {
          Hop hop = add(content, Attribution.SCOPE, null);
          if (outstanding) {
            sandbox.ledger().sent(hop);
          }
          sandbox.journal().add(sender(), new Line(hop, whereTo));
          if (sandbox.sinceEnd() == null) {
            awaitReply(content.ids());
          }
          queues.forEach(
              queue -> sandbox.inTransit(String.valueOf(content.ids().messageId()), queue));
          return hop;
        });
  }

  private String sender() {
    Work work = Work.current();
    return work != null && work.sandbox() == sandbox ? work.name() : "harness";
  }

  private void awaitReply(Hop.Ids ids) {
    correlate(ids.correlationId(), Attribution.CORRELATION_ID);
    correlate(ids.messageId(), Attribution.MESSAGE_ID);
    String address = ids.replyAddress();
    if (address != null) {
      replyAddresses.add(address);
      sandbox.run().replyAddresses().put(address, sandbox, Attribution.REPLY_ADDRESS);
    }
  }

  private void correlate(@Nullable String key, Attribution attribution) {
    if (key != null) {
      correlationKeys.add(key);
      sandbox.run().correlations().put(key, sandbox, attribution);
    }
  }

  /** Begins the handling of a received hop; null where the sandbox has ended. */
  @Nullable Work received(Hop.Content content, Attribution attribution, String handler) {
    return sandbox.read(
        () -> {
          Work work = sandbox.begin(handler);
          if (work != null) {
            Hop hop = add(content, attribution, work);
            answeredBy(content);
            sandbox.journal().add(work.name(), new Line(hop, attribution));
          }
          return work;
        });
  }

  private void answeredBy(Hop.Content content) {
    Hop.Ids ids = content.ids();
    sandbox.ledger().answeredBy(ids.correlationId());
    if (ids.messageId() != null) {
      sandbox.ledger().notInTransit(new Transit(ids.messageId(), content.address()));
    }
  }

  /** Records a copy of what others receive; false where the sandbox has ended. */
  boolean overheard(Hop.Content content, Attribution attribution) {
    return sandbox.read(
        () -> {
          if (sandbox.sinceEnd() != null) {
            return false;
          }
          Hop hop = add(content, attribution, null);
          sandbox.journal().add("harness", new Line(hop, attribution));
          return true;
        });
  }

  /** Records a call that is watched. */
  void called(Hop.Content content) {
    sandbox.update(
        () -> {
          Hop hop = add(content, Attribution.SCOPE, null);
          sandbox.journal().add(sender(), new Line(hop, () -> ""));
        });
  }

  private Hop add(Hop.Content content, Attribution attribution, @Nullable Work handler) {
    Hop hop = new Hop(sandbox.mailbox().size() + 1, sandbox.age(), content, attribution, handler);
    sandbox.update(() -> sandbox.mailbox().add(hop));
    return hop;
  }

  /** Makes the run attribute nothing to this test any more. */
  void forget() {
    sandbox.run().correlations().removeAll(correlationKeys, sandbox);
    sandbox.run().replyAddresses().removeAll(replyAddresses, sandbox);
  }

  /** One line of the journal, whose text nobody may ever read. */
  private record Line(Hop hop, Supplier<String> more) {

    Line(Hop hop, Attribution attribution) {
      this(hop, () -> "  attributed by " + attribution);
    }

    @Override
    public String toString() {
      return hop + more.get();
    }
  }
}
