package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.CancelCallback;
import com.rabbitmq.client.Consumer;
import com.rabbitmq.client.ConsumerShutdownSignalCallback;
import com.rabbitmq.client.DeliverCallback;
import com.rabbitmq.client.Delivery;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A consumer made of callbacks, as the client makes it. */
record CallbackConsumer(
    DeliverCallback deliver,
    @Nullable CancelCallback cancel,
    @Nullable ConsumerShutdownSignalCallback shutdown)
    implements Consumer {

  @Override
  public void handleConsumeOk(String consumerTag) {}

  @Override
  public void handleCancelOk(String consumerTag) {}

  @Override
  public void handleCancel(String consumerTag) throws IOException {
    if (cancel != null) {
      cancel.handle(consumerTag);
    }
  }

  @Override
  public void handleShutdownSignal(String consumerTag, ShutdownSignalException signal) {
    if (shutdown != null) {
      shutdown.handleShutdownSignal(consumerTag, signal);
    }
  }

  @Override
  public void handleRecoverOk(String consumerTag) {}

  @Override
  public void handleDelivery(
      String consumerTag, Envelope envelope, AMQP.BasicProperties properties, byte[] body)
      throws IOException {
    deliver.handle(consumerTag, new Delivery(envelope, properties, body));
  }
}
