package io.sandpiper.amqp;

import com.rabbitmq.client.ConnectionFactory;
import io.sandpiper.Run;
import org.springframework.amqp.rabbit.connection.AbstractConnectionFactory;
import org.springframework.amqp.rabbit.listener.AbstractMessageListenerContainer;

/**
 * Carries the test id through RabbitMQ: stamps what is published inside a sandbox, and handles what
 * is received inside the sandbox of the test that caused it.
 *
 * <p>In a Spring Boot test nothing of this has to be called: beans are wrapped as they are made.
 * Each {@code wrap} changes its argument in place and returns it; wrapping twice is wrapping once.
 * The application's own collectors, advice and post-processors stay, inside ours.
 */
public final class AmqpPropagation {

  private AmqpPropagation() {}

  /** Stamps everything that connections of this factory publish, listener replies included. */
  public static <T extends AbstractConnectionFactory> T wrap(T connectionFactory) {
    wrap(connectionFactory.getRabbitConnectionFactory());
    return connectionFactory;
  }

  /** As {@link #wrap(AbstractConnectionFactory)}, for RabbitMQ's own client. */
  public static ConnectionFactory wrap(ConnectionFactory connectionFactory) {
    Stamping.install(connectionFactory);
    return connectionFactory;
  }

  /**
   * Runs the listener of a container that is not initialised yet inside the scope of each message's
   * test, and acknowledges without it what must not reach the application.
   */
  public static <T extends AbstractMessageListenerContainer> T wrap(T container) {
    ListenerAdvice.prepend(container, Run.ofThisJvm());
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
}
