package io.sandpiper.amqp;

import com.rabbitmq.client.Consumer;
import io.sandpiper.Hop;
import io.sandpiper.Run;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What is published to and consumed from one broker by RabbitMQ's own client. */
final class Traffic {

  /** The name that stands for the client itself; the broker answers to it directly. */
  static final String DIRECT_REPLY = "amq.rabbitmq.reply-to";

  private final Run run;
  private final Supplier<BrokerKey> broker;
  private final Stamping stamping;
  private final Consumers consumers;
  private final Settlements settlements;
  private final Inbound inbound;
  private final Deliveries deliveries;
  private final Polling polling;

  /**
   * The traffic of some connections.
   *
   * @param broker where they lead to, asked for when something is published or consumed
   */
  Traffic(Run run, Supplier<BrokerKey> broker) {
    this.run = run;
    this.broker = broker;
    this.stamping = new Stamping(TransitCounter.of(run), broker);
    this.consumers = Consumers.of(run);
    this.settlements = Settlements.of(run);
    this.inbound = new Inbound(run);
    this.deliveries = Deliveries.of(run);
    this.polling = new Polling(run, inbound, broker);
  }

  Stamping stamping() {
    return stamping;
  }

  Settlements settlements() {
    return settlements;
  }

  Polling polling() {
    return polling;
  }

  /**
   * A consumer to register in place of one of the application's.
   *
   * @param application the consumer as the application has it
   * @param observed the same, as the application's own observation sees it
   */
  CountedConsumer consumer(String queue, Consumer application, Consumer observed) {
    if (application instanceof CountedConsumer counted) {
      return counted;
    }
    Supplier<java.util.function.Consumer<Departure>> counting =
        () -> consumers.add(broker.get(), queue);
    if (queue.equals(DIRECT_REPLY) || isNamed(application, "com.rabbitmq.client.RpcClient")) {
      return new CountedConsumer(scoped(queue, observed, this::judgeAnswer), counting);
    }
    if (TimedPoll.isFor(application)) {
      TimedPoll poll =
          TimedPoll.of(observed, polling, run, taking -> scoped(queue, taking, inbound::judge));
      // What one test waits for is no place where messages of all are handled.
      return new CountedConsumer(poll, () -> poll.isOfTest() ? departure -> {} : counting.get());
    }
    // An advice around the listener binds the scope of what a container consumes.
    boolean ofContainer = isNamed(application, "org.springframework.amqp.rabbit.listener.");
    return new CountedConsumer(
        ofContainer ? observed : scoped(queue, observed, inbound::judge), counting);
  }

  private ScopedConsumer scoped(
      String queue,
      Consumer observed,
      BiFunction<Incoming, @Nullable Delivery, Inbound.Verdict> judge) {
    return new ScopedConsumer(
        observed,
        queue,
        (message, tag) -> judge.apply(message, deliveries.find(message.channel(), tag)),
        inbound::refusedWork,
        settlements);
  }

  /**
   * Judges what comes to a client that waits for it: where several tests count their correlation
   * ids from 1, the client itself knows whose answer it is.
   */
  private Inbound.Verdict judgeAnswer(Incoming message, @Nullable Delivery delivery) {
    Hop.Content content = message.content();
    if (run.sandboxOf(content) != null) {
      return inbound.arrive(content, delivery);
    }
    Hop.Ids ids = content.ids();
    return inbound.arrive(
        new Hop.Content(
            content.direction(),
            content.address(),
            content.route(),
            content.headers(),
            content.body(),
            new Hop.Ids(null, ids.messageId(), ids.replyAddress())),
        delivery);
  }

  private static boolean isNamed(Consumer consumer, String beginning) {
    return consumer.getClass().getName().startsWith(beginning);
  }
}
