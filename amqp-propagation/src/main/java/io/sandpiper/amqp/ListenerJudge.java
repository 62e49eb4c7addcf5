package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;

/** Judges the messages of one listener container. */
final class ListenerJudge {

  private final AbstractMessageListenerContainer container;
  private final Inbound inbound;
  private final Deliveries deliveries;

  ListenerJudge(
      AbstractMessageListenerContainer container, Inbound inbound, Deliveries deliveries) {
    this.container = container;
    this.inbound = inbound;
    this.deliveries = deliveries;
  }

  /**
   * Says what becomes of a message; once a delivery.
   *
   * @param channel the container's own
   */
  Inbound.Verdict judge(Channel channel, Message message) {
    return inbound.judge(SpringMessages.received(message), delivery(channel, message));
  }

  private @Nullable Delivery delivery(Channel channel, Message message) {
    Delivery delivery = deliveries.find(channel, SpringMessages.tagOf(message));
    if (delivery != null && container.getAcknowledgeMode().isManual()) {
      delivery.settledByApplication();
    }
    return delivery;
  }

  /** Records that a message was acknowledged which nobody has handled. */
  void refused(String queue, String text) {
    inbound.refusedWork(queue, text);
  }
}
