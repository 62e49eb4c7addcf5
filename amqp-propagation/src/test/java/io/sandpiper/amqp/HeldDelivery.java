package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;

/** A place where handlers of messages stay until they are let go. */
final class HeldDelivery {

  private final CountDownLatch held;
  private final CountDownLatch released = new CountDownLatch(1);

  HeldDelivery() {
    this(1);
  }

  /**
   * Makes one.
   *
   * @param handlers how many {@link #awaitHeld} waits for
   */
  HeldDelivery(int handlers) {
    held = new CountDownLatch(handlers);
  }

  /** Holds the handler that calls this; who comes later goes on at once. */
  void hold() {
    held.countDown();
    try {
      released.await();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  /** Holds a consumer that takes one message after the other, before it acknowledges. */
  void consume(Channel channel, String queue) throws IOException {
    channel.basicQos(1);
    channel.basicConsume(
        queue,
        false,
        (tag, delivery) -> {
          hold();
          channel.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
        },
        tag -> {});
  }

  void awaitHeld() throws InterruptedException {
    held.await();
  }

  void release() {
    released.countDown();
  }
}
