package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import io.sandpiper.Work;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.springframework.amqp.core.Message;
import org.springframework.aop.ProxyMethodInvocation;

/**
 * Splits a batch that mixes tests: each test gets the part that is its own, in the order of the
 * batch, handled and settled as if it had come alone.
 *
 * <p>The container settles what a listener returns from by the last delivery of the batch and all
 * before it. So the part with the last delivery is handled last and left to the container, and the
 * deliveries of all others are settled one by one before.
 */
final class BatchAdvice {

  private final ContainerAccess container;
  private final ListenerJudge judge;
  private final Refusals refusals;
  private final ListenerScope scope;
  private final PartSettlement settlement;

  BatchAdvice(
      ContainerAccess container, ListenerJudge judge, Refusals refusals, ListenerScope scope) {
    this.container = container;
    this.judge = judge;
    this.refusals = refusals;
    this.scope = scope;
    this.settlement = new PartSettlement(container);
  }

  /** The messages of a batch that belong to one test, or to none, or that are refused. */
  private record Part(List<Message> messages, List<Work> works, boolean refused) {

    Part(boolean refused) {
      this(new ArrayList<>(), new ArrayList<>(), refused);
    }

    long lastDelivery() {
      return messages.stream().mapToLong(SpringMessages::tagOf).max().orElseThrow();
    }
  }

  void invoke(ProxyMethodInvocation call) throws Throwable {
    Collection<Part> parts = parts(ListenerAdvice.channelOf(call), ListenerAdvice.messagesOf(call));
    try {
      if (container.container().getAcknowledgeMode().isManual()) {
        manually(call, parts);
      } else {
        split(call, parts);
      }
    } finally {
      // What an error has kept from being handled.
      parts.forEach(part -> part.works().forEach(work -> work.finish(null)));
    }
  }

  private Collection<Part> parts(Channel channel, List<Message> batch) {
    Map<Object, Part> parts = new LinkedHashMap<>();
    for (Message message : batch) {
      Inbound.Verdict verdict = judge.judge(channel, message);
      boolean refused = verdict instanceof Inbound.Verdict.Acknowledge;
      Work work = verdict instanceof Inbound.Verdict.Handle handle ? handle.work() : null;
      Object owner = work == null ? refused : work.sandbox();
      Part part = parts.computeIfAbsent(owner, any -> new Part(refused));
      part.messages().add(message);
      if (work != null) {
        part.works().add(work);
      }
    }
    return parts.values();
  }

  private void split(ProxyMethodInvocation call, Collection<Part> parts) throws Throwable {
    Part last = parts.stream().max(Comparator.comparingLong(Part::lastDelivery)).orElseThrow();
    for (Part part : parts) {
      if (part != last) {
        alone(call, part);
      }
    }
    if (!last.refused()) {
      scope.run(with(call, ListenerAdvice.channelOf(call), last), last.works());
    }
  }

  private void alone(ProxyMethodInvocation call, Part part) throws Throwable {
    TrackedChannel channel = new TrackedChannel(ListenerAdvice.channelOf(call));
    ProxyMethodInvocation own = with(call, channel.proxy(), part);
    settlement.settle(
        channel,
        SpringMessages.deliveries(part.messages()),
        part.refused() ? () -> {} : () -> scope.run(own, part.works()));
  }

  private static ProxyMethodInvocation with(
      ProxyMethodInvocation call, Channel channel, Part part) {
    return (ProxyMethodInvocation) call.invocableClone(channel, part.messages());
  }

  private void manually(ProxyMethodInvocation call, Collection<Part> parts) throws Throwable {
    Channel channel = ListenerAdvice.channelOf(call);
    List<Part> handled = new ArrayList<>();
    for (Part part : parts) {
      if (part.refused()) {
        refusals.acknowledge(channel, part.messages());
      } else {
        handled.add(part);
      }
    }
    if (handled.size() > 1) {
      refuse(channel, handled);
    } else if (!handled.isEmpty()) {
      manually(call, channel, handled.get(0));
    }
  }

  private void manually(ProxyMethodInvocation call, Channel channel, Part part) throws Throwable {
    TrackedChannel tracked = new TrackedChannel(channel);
    if (container.asynchronous()) {
      for (int i = 0; i < part.works().size(); i++) {
        long delivery = SpringMessages.tagOf(part.messages().get(i));
        tracked.holdUntilSettled(part.works().get(i), delivery);
      }
    }
    boolean returned = false;
    try {
      scope.run(with(call, tracked.proxy(), part), part.works());
      returned = true;
    } finally {
      if (!returned) {
        tracked.release();
      }
    }
  }

  /** Whichever part was handled first might acknowledge the messages of the others with its own. */
  private void refuse(Channel channel, List<Part> parts) throws IOException {
    Set<String> tests = new LinkedHashSet<>();
    for (Part part : parts) {
      tests.add(part.works().isEmpty() ? "no test" : part.works().get(0).sandbox().testName());
    }
    String queue = SpringMessages.queueOf(parts.get(0).messages().get(0));
    MixedBatchException mixed = new MixedBatchException(queue, tests);
    for (Part part : parts) {
      refusals.acknowledge(channel, part.messages());
      if (part.works().isEmpty()) {
        part.messages().forEach(message -> judge.refused(queue, mixed.text()));
      }
      part.works().forEach(work -> work.finish(mixed));
    }
  }

  /** A batch of several tests whose listener acknowledges it by itself. */
  private static final class MixedBatchException extends IllegalStateException {

    private static final long serialVersionUID = 1;

    private final String text;

    MixedBatchException(String queue, Set<String> tests) {
      this(
          ("A batch from queue \"%s\" holds messages of %s, and its listener acknowledges by itself,"
                  + " so it cannot be split by test. It was acknowledged and nobody has handled it."
                  + " In tests, set the container's batch size to 1 or its acknowledge mode to AUTO,"
                  + " or run these tests one at a time.")
              .formatted(queue, String.join(", ", tests)));
    }

    private MixedBatchException(String text) {
      super(text);
      this.text = text;
    }

    String text() {
      return text;
    }
  }
}
