package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import io.sandpiper.Run;
import org.springframework.amqp.rabbit.AsyncRabbitTemplate;
import org.springframework.amqp.rabbit.connection.AbstractConnectionFactory;
import org.springframework.amqp.rabbit.core.BatchingRabbitTemplate;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;

/**
 * Carries the test id through RabbitMQ: stamps what is published inside a sandbox, and handles what
 * is received inside the sandbox of the test that caused it.
 *
 * <p>In a Spring Boot test nothing of this has to be called: beans are wrapped as they are made.
 * Each {@code wrap} changes its argument in place and returns it, but for connections and channels,
 * in whose place it returns a proxy; wrapping twice is wrapping once. The application's own
 * collectors, advice, error handlers and post-processors stay, inside ours.
 */
public final class AmqpPropagation {

  private AmqpPropagation() {}

  /**
   * Stamps everything that connections of this factory publish, listener replies included, and has
   * their confirms and returns told inside the scope of the test that has published.
   */
  public static <T extends AbstractConnectionFactory> T wrap(T connectionFactory) {
    wrap(connectionFactory.getRabbitConnectionFactory());
    CallbackChannels.install(connectionFactory, Run.ofThisJvm());
    return connectionFactory;
  }

  /**
   * Stamps everything that connections of this factory publish from now on, and runs their
   * consumers inside the scope of each message's test; {@code basicGet} gives each test its own
   * messages. Collectors of the application are to be set before.
   */
  public static ConnectionFactory wrap(ConnectionFactory connectionFactory) {
    ClientHooks.install(connectionFactory, Run.ofThisJvm());
    return connectionFactory;
  }

  /**
   * Stamps what a connection publishes, and runs its consumers inside the scope of each message's
   * test. For a connection whose factory is not at hand; what a wrapped factory has opened since is
   * returned as it is.
   *
   * @return a connection to use in its place; the channels that it opens are wrapped, those that
   *     the other has opened are not
   */
  public static Connection wrap(Connection connection) {
    return Wrapped.wrap(connection, Run.ofThisJvm());
  }

  /** As {@link #wrap(Connection)}, for one channel. */
  public static Channel wrap(Channel channel) {
    return Wrapped.wrap(channel, Run.ofThisJvm());
  }

  /**
   * The connection or channel that was wrapped; a connection factory itself, without what was added
   * to it, so that what it opens from now on is not wrapped; anything else as it is.
   */
  @SuppressWarnings("unchecked")
  public static <T> T unwrap(T wrapped) {
    if (wrapped instanceof ConnectionFactory factory) {
      ClientHooks.remove(factory);
    } else if (wrapped instanceof AbstractConnectionFactory factory) {
      ClientHooks.remove(factory.getRabbitConnectionFactory());
      CallbackChannels.remove(factory);
    }
    return (T) Wrapped.unwrap(wrapped);
  }

  /**
   * Runs the listener of a container that was not started yet, and its error handler, inside the
   * scope of each message's test, and acknowledges without it what must not reach the application.
   * To be called when the application has set its advice and error handler.
   */
  public static <T extends AbstractMessageListenerContainer> T wrap(T container) {
    ListenerAdvice.install(container, Run.ofThisJvm());
    return container;
  }

  /**
   * Shows tests what is published to exchanges that the application does not consume, by themselves
   * or by an external worker: {@code received(exchange, routingKey)} awaits it. Taps stay open
   * until the JVM ends; in a Spring test {@code sandpiper.amqp.taps} opens them.
   *
   * @param connectionFactory how to connect to the broker; left as it is
   * @param taps each {@code exchange} or {@code exchange:binding.key}; a direct exchange needs the
   *     key
   * @throws IllegalStateException where an exchange is not there, or the broker does not answer
   */
  public static void tap(ConnectionFactory connectionFactory, String... taps) {
    Taps.of(Run.ofThisJvm()).open(connectionFactory, TapOpener.parse(taps));
  }

  /** As {@link #tap(ConnectionFactory, String...)}, for Spring's connection factories. */
  public static void tap(AbstractConnectionFactory connectionFactory, String... taps) {
    TapOpener.open(connectionFactory, TapOpener.parse(taps));
  }

  /** Handles replies inside the scope of the test that asked; before the template is started. */
  public static <T extends AsyncRabbitTemplate> T wrap(T template) {
    AsyncTemplates.wrapContainer(template);
    return template;
  }

  /** Keeps the batches of the template apart by test; its connection factory is wrapped as well. */
  public static <T extends BatchingRabbitTemplate> T wrap(T template) {
    TestBatches.install(template);
    return template;
  }
}
