package io.sandpiper.benchmarks.soak;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.Delivery;
import java.io.IOException;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A worker outside the harness: answers each request with its body, now and then twice or late, and
 * echoes headers, baggage or the message id.
 */
final class SoakWorker implements AutoCloseable {

  private static final int DUPLICATED_OF_HUNDRED = 5;
  private static final int DELAYED_OF_HUNDRED = 20;
  private static final int LONGEST_DELAY_MILLIS = 50;

  private final Connection connection;
  private final Channel channel;
  private final Random random;
  private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();

  SoakWorker(ConnectionFactory broker, long seed) throws Exception {
    random = new Random(seed);
    connection = broker.newConnection("worker");
    channel = connection.createChannel();
    channel.queueDeclare(SoakApplication.REQUESTS, true, false, false, Map.of());
    channel.queueDeclare(SoakApplication.REPLIES, true, false, false, Map.of());
    channel.confirmSelect();
    channel.basicQos(256);
    channel.basicConsume(
        SoakApplication.REQUESTS, false, (tag, request) -> handle(request), tag -> {});
  }

  private void handle(Delivery request) {
    int delay = random.nextInt(100) < DELAYED_OF_HUNDRED ? random.nextInt(LONGEST_DELAY_MILLIS) : 0;
    int times = random.nextInt(100) < DUPLICATED_OF_HUNDRED ? 2 : 1;
    AMQP.BasicProperties properties = echo(request.getProperties());
    timer.schedule(() -> answer(request, properties, times), delay, TimeUnit.MILLISECONDS);
  }

  private AMQP.BasicProperties echo(AMQP.BasicProperties request) {
    AMQP.BasicProperties.Builder reply = new AMQP.BasicProperties.Builder();
    switch (random.nextInt(3)) {
      case 0 -> reply.headers(request.getHeaders());
      case 1 ->
          reply.headers(
              Map.of("baggage", Objects.requireNonNull(request.getHeaders().get("baggage"))));
      default ->
          // Only whoever sent the request can tell whose reply this is.
          reply.headers(request.getHeaders()).correlationId(request.getMessageId());
    }
    return reply.build();
  }

  private void answer(Delivery request, AMQP.BasicProperties properties, int times) {
    try {
      for (int i = 0; i < times; i++) {
        channel.basicPublish("", SoakApplication.REPLIES, properties, request.getBody());
      }
      channel.waitForConfirmsOrDie(SoakApplication.CONFIRMED_WITHIN_MILLIS);
      channel.basicAck(request.getEnvelope().getDeliveryTag(), false);
    } catch (IOException | InterruptedException | TimeoutException | RuntimeException cut) {
      // Not acknowledged: the broker gives it to the next connection of this worker.
    }
  }

  @Override
  public void close() throws IOException {
    timer.shutdownNow();
    connection.abort(1000);
  }
}
