package io.sandpiper.amqp;

import org.jspecify.annotations.Nullable;

/**
 * An exchange whose messages a test is shown, though nobody in this JVM may consume them.
 *
 * @param exchange its name
 * @param bindingKey which of its messages
 */
record Tap(String exchange, String bindingKey) {

  private static final String EVERYTHING = "#";

  /**
   * What is written as {@code exchange} or {@code exchange:binding.key}.
   *
   * @throws IllegalArgumentException where it names no exchange
   */
  static Tap parse(String text) {
    int colon = text.indexOf(':');
    String exchange = (colon < 0 ? text : text.substring(0, colon)).strip();
    if (exchange.isEmpty()) {
      throw new IllegalArgumentException(
          ("\"%s\" taps no exchange: write exchange or exchange:binding.key. The default exchange"
                  + " cannot be tapped; await sent(…) or listen to the queue.")
              .formatted(text));
    }
    String key = colon < 0 ? "" : text.substring(colon + 1).strip();
    return new Tap(exchange, key.isEmpty() ? EVERYTHING : key);
  }

  /** The address of what is seen through it. */
  static String address(@Nullable String exchange) {
    return "tap of " + exchange;
  }
}
