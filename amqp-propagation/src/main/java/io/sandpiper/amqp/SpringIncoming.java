package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import io.sandpiper.Hop;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageDeliveryMode;
import org.springframework.amqp.core.MessageProperties;
import org.springframework.amqp.rabbit.connection.ChannelProxy;
import org.springframework.amqp.rabbit.support.DefaultMessagePropertiesConverter;

/**
 * A message that a listener container was given.
 *
 * <p>While it passes the container, the put-back header of a message may hold a {@link Original}:
 * the message before the application's own post-processors changed it.
 */
final class SpringIncoming implements Incoming {

  private final Message message;
  private final Channel channel;
  private final @Nullable Original original;

  private SpringIncoming(Message message, Channel channel, @Nullable Original original) {
    this.message = message;
    this.channel = channel;
    this.original = original;
  }

  /** Takes the message out of the container's hands: nothing of ours is left in it. */
  static SpringIncoming take(Message message, Channel channel) {
    restore(message);
    Map<String, @Nullable Object> headers = message.getMessageProperties().getHeaders();
    return new SpringIncoming(
        message,
        channel,
        headers.remove(PutBackHeader.NAME) instanceof Original kept ? kept : null);
  }

  /** Restores a message that we have published again; any other stays as it is. */
  static void restore(Message message) {
    MessageProperties properties = message.getMessageProperties();
    PutBackHeader header = PutBackHeader.in(properties.getHeaders());
    if (header == null) {
      return;
    }
    Map<String, Object> headers = header.restoreHeaders(properties.getHeaders());
    properties.getHeaders().clear();
    if (headers != null) {
      properties.getHeaders().putAll(headers);
    }
    properties.setConsumerQueue(header.queue());
    properties.setReceivedExchange(header.exchange());
    properties.setReceivedRoutingKey(header.routingKey());
    properties.setRedelivered(
        header.redelivered() || Boolean.TRUE.equals(properties.getRedelivered()));
    properties.setExpiration(header.expiration());
    properties.setReceivedUserId(header.user());
    if (properties.getHeaders().get(MessageProperties.X_DELAY) instanceof Number delay) {
      properties.setReceivedDelayLong(Math.abs(delay.longValue()));
    }
    keep(message, header.journey());
  }

  /** Keeps a message as it is now, for others will change it. */
  static void keep(Message message) {
    if (!(message.getMessageProperties().getHeaders().get(PutBackHeader.NAME)
        instanceof Original)) {
      keep(message, null);
    }
  }

  private static void keep(Message message, Original.@Nullable Journey journey) {
    message.getMessageProperties().getHeaders().put(PutBackHeader.NAME, received(message, journey));
  }

  @Override
  public Hop.Content content() {
    return SpringMessages.received(message);
  }

  @Override
  public Original.@Nullable Journey journey() {
    return original == null ? null : original.journey();
  }

  @Override
  public Original received() {
    return original == null || isBatch(original) ? received(message, journey()) : original;
  }

  /** Its parts have been made messages of their own. */
  private static boolean isBatch(Original original) {
    Map<String, Object> headers = original.properties().getHeaders();
    return headers != null && headers.containsKey(MessageProperties.SPRING_BATCH_FORMAT);
  }

  @Override
  public Channel channel() {
    return channel instanceof ChannelProxy proxy ? proxy.getTargetChannel() : channel;
  }

  private static Original received(Message message, Original.@Nullable Journey journey) {
    MessageProperties properties = message.getMessageProperties();
    return new Original(
        SpringMessages.queueOf(message),
        text(properties.getReceivedExchange()),
        text(properties.getReceivedRoutingKey()),
        Boolean.TRUE.equals(properties.getRedelivered()),
        propertiesOf(properties),
        message.getBody(),
        journey);
  }

  /** As they were received: the converter writes what a sender would. */
  private static AMQP.BasicProperties propertiesOf(MessageProperties received) {
    AMQP.BasicProperties.Builder properties =
        new DefaultMessagePropertiesConverter()
            .fromMessageProperties(received, StandardCharsets.UTF_8.name())
            .builder()
            .userId(received.getReceivedUserId());
    MessageDeliveryMode mode = received.getReceivedDeliveryMode();
    return mode == null
        ? properties.build()
        : properties.deliveryMode(MessageDeliveryMode.toInt(mode)).build();
  }

  private static String text(@Nullable String value) {
    return value == null ? "" : value;
  }
}
