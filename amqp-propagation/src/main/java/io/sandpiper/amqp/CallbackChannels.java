package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import io.sandpiper.Run;
import java.lang.reflect.Field;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory;
import org.springframework.amqp.rabbit.connection.ConnectionFactory;
import org.springframework.amqp.rabbit.connection.PublisherCallbackChannel;
import org.springframework.amqp.rabbit.connection.PublisherCallbackChannelFactory;
import org.springframework.amqp.rabbit.connection.PublisherCallbackChannelImpl;
import org.springframework.util.ReflectionUtils;

/**
 * Has Spring's connection factories make {@link CallbackChannel}s where they would make channels of
 * Spring's own; what makes an application's own stays.
 */
final class CallbackChannels {

  private static final String OF_SPRING = PublisherCallbackChannelImpl.class.getName() + "$$Lambda";

  private CallbackChannels() {}

  /** For the channels that are opened from now on. */
  static void install(@Nullable ConnectionFactory connections, Run run) {
    if (connections instanceof CachingConnectionFactory caching) {
      if (present(caching).getClass().getName().startsWith(OF_SPRING)) {
        caching.setPublisherChannelFactory(new OfTests(run));
      }
      install(caching.getPublisherConnectionFactory(), run);
    }
  }

  /** Gives a factory back what it had. */
  static void remove(@Nullable ConnectionFactory connections) {
    if (connections instanceof CachingConnectionFactory caching) {
      if (present(caching) instanceof OfTests) {
        caching.setPublisherChannelFactory(PublisherCallbackChannelImpl.factory());
      }
      remove(caching.getPublisherConnectionFactory());
    }
  }

  private static PublisherCallbackChannelFactory present(CachingConnectionFactory connections) {
    Field field =
        Objects.requireNonNull(
            ReflectionUtils.findField(CachingConnectionFactory.class, "publisherChannelFactory"),
            "CachingConnectionFactory.publisherChannelFactory of spring-rabbit");
    ReflectionUtils.makeAccessible(field);
    return (PublisherCallbackChannelFactory)
        Objects.requireNonNull(ReflectionUtils.getField(field, connections));
  }

  /**
   * Makes channels that tell tests of their messages.
   *
   * @param run the tests' run
   */
  private record OfTests(Run run) implements PublisherCallbackChannelFactory {

    @Override
    public PublisherCallbackChannel createChannel(Channel delegate, ExecutorService executor) {
      return new CallbackChannel(delegate, executor, run);
    }
  }
}
