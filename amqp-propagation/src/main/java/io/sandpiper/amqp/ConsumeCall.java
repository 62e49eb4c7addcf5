package io.sandpiper.amqp;

import com.rabbitmq.client.CancelCallback;
import com.rabbitmq.client.Consumer;
import com.rabbitmq.client.ConsumerShutdownSignalCallback;
import com.rabbitmq.client.DeliverCallback;
import java.lang.reflect.Method;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A call of one of the many forms of {@code Channel.basicConsume}.
 *
 * <p>All have their parameters in the order of the longest, so each is told by its type.
 */
record ConsumeCall(Method method, @Nullable Object[] args) {

  String queue() {
    return (String) Objects.requireNonNull(of(String.class, 0));
  }

  boolean autoAck() {
    return flag(0);
  }

  /** Empty where the broker is to choose one. */
  String tag() {
    String tag = (String) of(String.class, 1);
    return tag == null ? "" : tag;
  }

  boolean noLocal() {
    return flag(1);
  }

  boolean exclusive() {
    return flag(2);
  }

  @SuppressWarnings("unchecked")
  @Nullable Map<String, Object> arguments() {
    return (Map<String, Object>) of(Map.class, 0);
  }

  Consumer consumer() {
    Consumer consumer = (Consumer) of(Consumer.class, 0);
    return consumer != null
        ? consumer
        : new CallbackConsumer(
            (DeliverCallback) Objects.requireNonNull(of(DeliverCallback.class, 0)),
            (CancelCallback) of(CancelCallback.class, 0),
            (ConsumerShutdownSignalCallback) of(ConsumerShutdownSignalCallback.class, 0));
  }

  private boolean flag(int number) {
    return Boolean.TRUE.equals(of(boolean.class, number));
  }

  /** The argument of the parameter of a type with that number, from 0; null where there is none. */
  private @Nullable Object of(Class<?> type, int number) {
    Class<?>[] types = method.getParameterTypes();
    return IntStream.range(0, types.length)
        .filter(at -> types[at] == type)
        .skip(number)
        .limit(1)
        .<@Nullable Object>mapToObj(at -> args[at])
        .reduce(null, (none, found) -> found);
  }
}
