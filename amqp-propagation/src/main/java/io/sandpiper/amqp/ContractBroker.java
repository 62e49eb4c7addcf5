package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The queues of a contract test, by a plain connection: nothing is stamped on the way out or
 * attributed on the way in.
 */
final class ContractBroker implements AutoCloseable {

  private final ContractSettings settings;
  private final VirtualHost virtualHost;
  private final Connection connection;
  private final Channel channel;
  private final List<String> declared = new ArrayList<>();
  private final String last = UUID.randomUUID().toString();
  private String lastRequest = "";
  private volatile int sent;
  private volatile boolean lastCame;

  private ContractBroker(ContractSettings settings, VirtualHost virtualHost, Connection connection)
      throws IOException {
    this.settings = settings;
    this.virtualHost = virtualHost;
    this.connection = connection;
    this.channel = connection.createChannel();
  }

  /**
   * Connects.
   *
   * @throws IOException if the broker refuses
   */
  static ContractBroker connect(ContractSettings settings, VirtualHost virtualHost)
      throws IOException {
    ConnectionFactory factory = virtualHost.connectionFactory();
    // One that comes back has lost the consumer's place; better the error.
    factory.setAutomaticRecoveryEnabled(false);
    try {
      Connection connection = factory.newConnection("sandpiper-contract");
      try {
        return new ContractBroker(settings, virtualHost, connection);
      } catch (IOException | RuntimeException e) {
        connection.abort();
        throw e;
      }
    } catch (TimeoutException e) {
      throw new IOException("%s does not answer".formatted(virtualHost), e);
    }
  }

  VirtualHost virtualHost() {
    return virtualHost;
  }

  /**
   * Declares the queues and begins to take replies.
   *
   * @throws IllegalStateException if they are not free
   */
  void prepare(ContractReplies replies) throws IOException {
    settings.topology().declare(channel);
    declare(settings.requests());
    declare(settings.replies());
    AMQP.BasicProperties none = new AMQP.BasicProperties();
    channel.basicConsume(
        settings.replies(),
        true,
        (tag, delivery) -> {
          AMQP.BasicProperties properties =
              delivery.getProperties() == null ? none : delivery.getProperties();
          if (last.equals(properties.getMessageId())) {
            lastCame = true;
            replies.wake();
          } else {
            replies.add(new ContractReply(sent, properties, delivery.getBody()));
          }
        },
        tag -> replies.wake());
  }

  /** Someone else's consumer would take messages, and someone else's messages would be counted. */
  private void declare(String queue) throws IOException {
    AMQP.Queue.@Nullable DeclareOk there = look(queue);
    if (there == null) {
      channel.queueDeclare(queue, true, false, false, null);
      declared.add(queue);
    } else if (there.getConsumerCount() > 0 || there.getMessageCount() > 0) {
      throw new IllegalStateException(
          ("Queue \"%s\" at %s has %d consumers and %d messages already, so that the worker could"
                  + " not be told from others. Stop them and purge it, name a virtual host that"
                  + " nobody uses by sandpiper.rabbit.url, or let the worker use other queues.")
              .formatted(queue, virtualHost, there.getConsumerCount(), there.getMessageCount()));
    }
  }

  /** The state of a queue, or null where it is not there. */
  private AMQP.Queue.@Nullable DeclareOk look(String queue) throws IOException {
    Channel own = connection.createChannel();
    try {
      return own.queueDeclarePassive(queue);
    } catch (IOException e) {
      if (e.getCause() instanceof ShutdownSignalException closed && !closed.isHardError()) {
        return null;
      }
      throw e;
    } finally {
      own.abort();
    }
  }

  /** How many consume the requests. */
  long consumers() throws IOException {
    AMQP.Queue.DeclareOk state = look(settings.requests());
    return state == null ? 0 : state.getConsumerCount();
  }

  /**
   * Takes what is in the queue of the requests, and counts it without the last request: a worker is
   * stopped as soon as that is answered, so it may not have come to acknowledge it.
   */
  long takeLeftover() throws IOException {
    if (look(settings.requests()) == null) {
      return 0;
    }
    long left = 0;
    GetResponse request = channel.basicGet(settings.requests(), true);
    while (request != null) {
      if (!lastRequest.equals(request.getProps().getMessageId())) {
        left++;
      }
      request = channel.basicGet(settings.requests(), true);
    }
    return left;
  }

  /** A queue in words. */
  String state(String queue) throws IOException {
    AMQP.Queue.DeclareOk state = look(queue);
    return state == null
        ? "queue \"%s\" is not there any more".formatted(queue)
        : "queue \"%s\" has %d messages and %d consumers"
            .formatted(queue, state.getMessageCount(), state.getConsumerCount());
  }

  void send(ContractRequest request) throws IOException {
    sent = request.number();
    lastRequest = Objects.requireNonNullElse(request.messageId(), "");
    channel.basicPublish("", settings.requests(), request.properties(), request.body());
  }

  /** Sends a message behind all replies; when it has come, so have they. */
  void sendLast() throws IOException {
    channel.basicPublish(
        "",
        settings.replies(),
        new AMQP.BasicProperties.Builder().messageId(last).build(),
        new byte[0]);
  }

  boolean lastCame() {
    return lastCame;
  }

  /** Removes the queues that are not somebody else's. */
  @Override
  public void close() throws IOException {
    try {
      for (String queue : declared) {
        channel.queueDelete(queue);
      }
    } finally {
      connection.abort();
    }
  }
}
