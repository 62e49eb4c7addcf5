package io.sandpiper.amqp;

import io.sandpiper.Run;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.AmqpException;
import org.springframework.amqp.core.AmqpAdmin;
import org.springframework.amqp.core.QueueInformation;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.context.ApplicationListener;
import org.springframework.context.event.ContextClosedEvent;

/** Says in failures whether anybody consumes from a queue. */
final class QueueDiagnosis implements ApplicationListener<ContextClosedEvent> {

  private final ObjectProvider<AmqpAdmin> admins;
  private final String virtualHost;
  private final Runnable remove;

  /** A run may have several contexts, whose queues have the same names. */
  QueueDiagnosis(ObjectProvider<AmqpAdmin> admins, String virtualHost, Run run) {
    this.admins = admins;
    this.virtualHost = virtualHost;
    this.remove = run.addDiagnosis(this::explain);
  }

  private @Nullable String explain(String address) {
    AmqpAdmin admin = admins.getIfUnique();
    try {
      QueueInformation queue = admin == null ? null : admin.getQueueInfo(address);
      return queue == null
          ? null
          : "Queue \"%s\" has %d %s and %d ready %s, on virtual host %s.%s"
              .formatted(
                  address,
                  queue.getConsumerCount(),
                  queue.getConsumerCount() == 1 ? "consumer" : "consumers",
                  queue.getMessageCount(),
                  queue.getMessageCount() == 1 ? "message" : "messages",
                  virtualHost,
                  queue.getConsumerCount() == 0 ? " Is the worker running?" : "");
    } catch (AmqpException unreachable) {
      return "The broker does not answer about queue \"%s\": %s"
          .formatted(address, unreachable.getMessage());
    }
  }

  /** Not when it is destroyed: a question would open a connection of a context that closes. */
  @Override
  public void onApplicationEvent(ContextClosedEvent closed) {
    remove.run();
  }
}
