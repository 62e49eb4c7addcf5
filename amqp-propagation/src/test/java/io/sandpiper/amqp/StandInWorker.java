package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.Delivery;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A worker in this JVM, on a connection of its own, that does what a test wants of it. */
final class StandInWorker implements ContractWorker {

  private static final Logger LOG = LoggerFactory.getLogger(StandInWorker.class);

  /** The names of its queues. */
  record Queues(String requests, String replies) {}

  /** What it does with a request. */
  interface Behaviour {
    void handle(Delivery request, StandInWorker worker) throws IOException;
  }

  private final Queues queues;
  private final Runnable changed;
  private final Connection connection;
  private final Channel channel;
  private volatile @Nullable String ending;

  private StandInWorker(Queues queues, VirtualHost broker, Runnable changed) throws IOException {
    this.queues = queues;
    this.changed = changed;
    try {
      connection = broker.connectionFactory().newConnection("stand-in worker");
    } catch (TimeoutException e) {
      throw new IOException(e);
    }
    channel = connection.createChannel();
    channel.basicQos(64);
  }

  /** One that consumes. */
  static ContractLauncher that(Behaviour behaviour, Queues queues) {
    return launcher(
        queues,
        worker ->
            worker.channel.basicConsume(
                queues.requests(),
                false,
                (tag, request) -> worker.handle(behaviour, request),
                tag -> {}));
  }

  /** One that ends when it is started. */
  static ContractLauncher thatEnds(Queues queues) {
    return launcher(queues, StandInWorker::die);
  }

  /** One that runs, and consumes nothing. */
  static ContractLauncher thatDoesNotConsume(Queues queues) {
    return launcher(queues, worker -> {});
  }

  private interface Start {
    void start(StandInWorker worker) throws IOException;
  }

  private static ContractLauncher launcher(Queues queues, Start start) {
    return new ContractLauncher() {
      @Override
      public ContractWorker start(VirtualHost broker, Runnable changed) throws IOException {
        StandInWorker worker = new StandInWorker(queues, broker, changed);
        start.start(worker);
        return worker;
      }

      @Override
      public String description() {
        return "stand-in";
      }

      @Override
      public String remedy() {
        return "Look at the stand-in";
      }
    };
  }

  private void handle(Behaviour behaviour, Delivery request) throws IOException {
    try {
      behaviour.handle(request, this);
    } catch (AlreadyClosedException e) {
      // It was stopped while it answered, as any worker may be.
      LOG.debug("Stopped", e);
    }
  }

  /** Replies and acknowledges, as a good worker does. */
  void answer(Delivery request, AMQP.BasicProperties.Builder reply) throws IOException {
    reply(reply, request.getBody());
    acknowledge(request);
  }

  void reply(AMQP.BasicProperties.Builder properties, byte[] body) throws IOException {
    channel.basicPublish("", queues.replies(), properties.build(), body);
  }

  void acknowledge(Delivery request) throws IOException {
    channel.basicAck(request.getEnvelope().getDeliveryTag(), false);
  }

  /** As a process does that crashes. */
  void die() throws IOException {
    connection.abort();
    ending = "exit code 66";
    changed.run();
  }

  /** The body of a request, which is its number. */
  static int number(Delivery request) {
    String body = new String(request.getBody(), StandardCharsets.UTF_8);
    return body.matches("[0-9]+") ? Integer.parseInt(body) : 0;
  }

  @Override
  public @Nullable String ending() {
    return ending;
  }

  @Override
  public String output() {
    return "what the stand-in says";
  }

  @Override
  public void close() {
    connection.abort();
  }
}
