package io.sandpiper.amqp;

import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Where a message is consumed.
 *
 * <p>A queue that has a consumer in this JVM is taken to be consumed here; where other processes
 * consume it too they are taken to be of this harness, which forwards what is not theirs. A queue
 * that nobody here consumes is taken to be consumed elsewhere, unless its messages expire into a
 * dead-letter exchange: it is a delay then, and they go on. A stream is taken to be read from its
 * end. Policies of the broker are not known.
 *
 * @param queues the queues with a consumer in this JVM that are sure to get it
 * @param elsewhere whether it may go to others too
 */
record Destinations(List<String> queues, boolean elsewhere) {

  private static final String TIME_TO_LIVE = "x-message-ttl";

  /**
   * How a message is published, or dead-lettered.
   *
   * @param expiration after how many milliseconds it expires, or null
   */
  record Sending(
      String exchange,
      String routingKey,
      Map<String, ? extends @Nullable Object> headers,
      @Nullable String expiration) {}

  /** Computes where messages of one broker go. */
  static final class Finder {

    private final Topology topology;
    private final Predicate<String> consumedHere;
    private final Set<String> visited = new HashSet<>();
    private final Set<String> queues = new LinkedHashSet<>();
    private boolean elsewhere;

    Finder(Topology topology, Predicate<String> consumedHere) {
      this.topology = topology;
      this.consumedHere = consumedHere;
    }

    /**
     * Where a message goes.
     *
     * @param patience a message that is delayed longer is not sure to come in time
     */
    Destinations of(Sending sending, Duration patience) {
      follow(sending, patience.toMillis());
      return new Destinations(List.copyOf(queues), elsewhere);
    }

    /** Where a message goes that is rejected from a queue. */
    Destinations ofRejected(String queue, Sending sending, Duration patience) {
      visited.add(queue);
      deadLetter(topology.queue(queue).arguments(), sending, patience.toMillis());
      return new Destinations(List.copyOf(queues), elsewhere);
    }

    private void follow(Sending sending, long patience) {
      Topology.Routes routes =
          topology.routes(sending.exchange(), sending.routingKey(), sending.headers());
      elsewhere |= !routes.complete() || routes.queues().isEmpty();
      for (String queue : routes.queues()) {
        into(queue, sending, patience);
      }
    }

    private void into(String queue, Sending sending, long patience) {
      Map<String, Object> arguments = topology.queue(queue).arguments();
      Long expires = expires(arguments, sending.expiration());
      if (consumedHere.test(queue)) {
        if (expires == null && !mayDrop(arguments)) {
          queues.add(queue);
        } else {
          elsewhere = true;
        }
      } else if (expires == null || expires > patience || !visited.add(queue)) {
        elsewhere = true;
      } else {
        deadLetter(arguments, sending, patience - expires);
      }
    }

    private void deadLetter(Map<String, Object> arguments, Sending sending, long patience) {
      Object exchange = arguments.get("x-dead-letter-exchange");
      if (exchange == null) {
        elsewhere = true;
        return;
      }
      Object key = arguments.get("x-dead-letter-routing-key");
      follow(
          new Sending(
              exchange.toString(),
              key == null ? sending.routingKey() : key.toString(),
              key == null ? sending.headers() : withoutKeys(sending.headers()),
              null),
          patience);
    }

    /** A routing key of the queue's replaces those of the message. */
    private static Map<String, ? extends @Nullable Object> withoutKeys(
        Map<String, ? extends @Nullable Object> headers) {
      Map<String, @Nullable Object> copy = new java.util.HashMap<>(headers);
      copy.keySet().removeAll(Set.of("CC", "BCC"));
      return copy;
    }

    /** A queue with an expiry of its own stays while it is consumed; a stream keeps its end. */
    private static boolean mayDrop(Map<String, Object> arguments) {
      return !"stream".equals(String.valueOf(arguments.get("x-queue-type")))
          && (arguments.containsKey("x-max-length") || arguments.containsKey("x-max-length-bytes"));
    }

    private static @Nullable Long expires(
        Map<String, Object> arguments, @Nullable String expiration) {
      Long ofQueue =
          arguments.get(TIME_TO_LIVE) instanceof Number number ? number.longValue() : null;
      Long ofMessage = expiration == null ? null : number(expiration);
      if (ofQueue == null || ofMessage == null) {
        return ofQueue == null ? ofMessage : ofQueue;
      }
      return Math.min(ofQueue, ofMessage);
    }

    /** The broker refuses what is no number. */
    private static @Nullable Long number(String text) {
      try {
        return Long.valueOf(text);
      } catch (NumberFormatException none) {
        return null;
      }
    }
  }
}
