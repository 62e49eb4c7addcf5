package io.sandpiper.amqp;

import com.rabbitmq.client.Consumer;
import io.sandpiper.Run;
import java.util.function.Supplier;

/** What is published to and consumed from one broker by RabbitMQ's own client. */
final class Traffic {

  /** The name that stands for the client itself; the broker answers to it directly. */
  static final String DIRECT_REPLY = "amq.rabbitmq.reply-to";

  private final Supplier<BrokerKey> broker;
  private final Stamping stamping;
  private final Consumers consumers;
  private final Settlements settlements = new Settlements();
  private final Inbound inbound;
  private final Polling polling;

  /**
   * The traffic of some connections.
   *
   * @param broker where they lead to, asked for when something is published or consumed
   */
  Traffic(Run run, Supplier<BrokerKey> broker) {
    this.broker = broker;
    this.stamping = new Stamping(broker);
    this.consumers = Consumers.of(run);
    this.inbound = new Inbound(run);
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
    boolean ofContainer = isOfContainer(application) && !queue.equals(DIRECT_REPLY);
    return new CountedConsumer(
        ofContainer ? observed : new ScopedConsumer(observed, queue, inbound, settlements),
        () -> consumers.add(broker.get(), queue));
  }

  /** Those of Spring's listener containers: an advice around the listener binds the scope. */
  private static boolean isOfContainer(Consumer consumer) {
    return consumer.getClass().getName().startsWith("org.springframework.amqp.rabbit.listener.");
  }
}
