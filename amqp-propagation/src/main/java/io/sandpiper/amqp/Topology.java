package io.sandpiper.amqp;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The exchanges, queues and bindings of one virtual host as far as this JVM has declared them, and
 * where messages were seen to arrive.
 *
 * <p>What others have declared is not known. A routing key of an exchange that led to a queue once
 * is taken to lead there again, except where the exchange routes by more than the key. Safe for use
 * by several threads.
 */
final class Topology {

  private static final String DEFAULT = "";
  private static final Set<String> BY_KEY = Set.of("direct", "topic", "fanout");

  /**
   * Where a message is routed.
   *
   * @param queues the queues that it gets into
   * @param complete whether these are all, as far as this JVM has declared what leads there
   */
  record Routes(Set<String> queues, boolean complete) {}

  /**
   * What a queue was declared with.
   *
   * @param arguments its arguments
   * @param durable whether it is still there after a restart of the broker
   * @param autoDelete whether it goes with its last consumer
   */
  record Queue(Map<String, Object> arguments, boolean durable, boolean autoDelete) {

    private static final Queue UNKNOWN = new Queue(Map.of(), false, false);
  }

  private record Exchange(String type, @Nullable String alternate) {}

  private record Binding(
      String source,
      String key,
      Map<String, Object> arguments,
      boolean toQueue,
      String destination) {}

  private record Key(String exchange, String routingKey) {}

  // Guarded by this.
  private final Map<String, Exchange> exchanges = new HashMap<>();
  private final Map<String, Set<Binding>> bindings = new HashMap<>();
  private final Map<Key, Set<String>> learned = new HashMap<>();
  private final Set<Key> ambiguous = new HashSet<>();

  private final Map<String, Queue> queues = new ConcurrentHashMap<>();

  /** Emptied with every change; only of messages that are routed by their key alone. */
  private final Map<Key, Routes> known = new ConcurrentHashMap<>();

  Topology() {
    exchanges.put(DEFAULT, new Exchange("direct", null));
    for (String type : List.of("direct", "fanout", "topic", "headers")) {
      exchanges.put("amq." + type, new Exchange(type, null));
    }
    exchanges.put("amq.match", new Exchange("headers", null));
  }

  synchronized void exchangeDeclared(String name, String type, Map<String, Object> arguments) {
    // The plugin of delayed messages routes by the rules of the type that it is given.
    Object delayed = arguments.get("x-delayed-type");
    Object alternate = arguments.get("alternate-exchange");
    exchanges.put(
        name,
        new Exchange(
            delayed == null ? type : delayed.toString(),
            alternate == null ? null : alternate.toString()));
    known.clear();
  }

  synchronized void exchangeDeleted(String name) {
    exchanges.remove(name);
    bindings.remove(name);
    bindings
        .values()
        .forEach(
            all ->
                all.removeIf(binding -> !binding.toQueue() && binding.destination().equals(name)));
    learned.keySet().removeIf(key -> key.exchange().equals(name));
    known.clear();
  }

  void queueDeclared(String name, Queue queue) {
    queues.put(name, queue);
  }

  synchronized void queueDeleted(String name) {
    queues.remove(name);
    bindings
        .values()
        .forEach(
            all ->
                all.removeIf(binding -> binding.toQueue() && binding.destination().equals(name)));
    learned.values().forEach(all -> all.remove(name));
    known.clear();
  }

  synchronized void queueBound(
      String queue, String exchange, String routingKey, Map<String, Object> arguments) {
    bind(new Binding(exchange, routingKey, arguments, true, queue));
  }

  synchronized void queueUnbound(
      String queue, String exchange, String routingKey, Map<String, Object> arguments) {
    unbind(new Binding(exchange, routingKey, arguments, true, queue));
  }

  synchronized void exchangeBound(
      String destination, String source, String routingKey, Map<String, Object> arguments) {
    bind(new Binding(source, routingKey, arguments, false, destination));
  }

  synchronized void exchangeUnbound(
      String destination, String source, String routingKey, Map<String, Object> arguments) {
    unbind(new Binding(source, routingKey, arguments, false, destination));
  }

  private void bind(Binding binding) {
    bindings.computeIfAbsent(binding.source(), any -> new LinkedHashSet<>()).add(binding);
    known.clear();
  }

  private void unbind(Binding binding) {
    bindings.getOrDefault(binding.source(), Set.of()).remove(binding);
    // It may have been seen through this binding, here or further on.
    learned.clear();
    known.clear();
  }

  /** What a queue was declared with; without arguments where others have declared it. */
  Queue queue(String name) {
    return queues.getOrDefault(name, Queue.UNKNOWN);
  }

  /** Remembers where a message has arrived that was routed by its key alone. */
  void arrived(String exchange, String routingKey, String queue) {
    Key key = new Key(exchange, routingKey);
    Routes routes = known.get(key);
    if (exchange.equals(DEFAULT) || (routes != null && routes.queues().contains(queue))) {
      return;
    }
    synchronized (this) {
      Exchange declared = exchanges.get(exchange);
      if ((declared == null || BY_KEY.contains(declared.type())) && !ambiguous.contains(key)) {
        learned.computeIfAbsent(key, any -> new LinkedHashSet<>()).add(queue);
        known.remove(key);
      }
    }
  }

  /**
   * Where a message is routed.
   *
   * @param headers its headers, in which {@code CC} and {@code BCC} are further routing keys
   */
  Routes routes(
      String exchange, String routingKey, Map<String, ? extends @Nullable Object> headers) {
    Key key = new Key(exchange, routingKey);
    List<String> keys = keys(routingKey, headers);
    if (keys.size() == 1) {
      Routes routes = known.get(key);
      if (routes != null) {
        return routes;
      }
    }
    return compute(key, keys, headers);
  }

  private synchronized Routes compute(
      Key key, List<String> keys, Map<String, ? extends @Nullable Object> headers) {
    Walk walk = new Walk(keys, headers);
    walk.through(key.exchange());
    if (keys.size() == 1 && !walk.byHeaders) {
      walk.queues.addAll(learned.getOrDefault(key, Set.of()));
    } else {
      // Where it arrives does not tell by which of its keys, or by which header.
      keys.forEach(any -> ambiguous.add(new Key(key.exchange(), any)));
    }
    Routes routes = new Routes(Set.copyOf(walk.queues), walk.complete);
    if (keys.size() == 1 && !walk.byHeaders) {
      known.put(key, routes);
    }
    return routes;
  }

  private static List<String> keys(
      String routingKey, Map<String, ? extends @Nullable Object> headers) {
    if (!headers.containsKey("CC") && !headers.containsKey("BCC")) {
      return List.of(routingKey);
    }
    List<String> keys = new ArrayList<>(List.of(routingKey));
    for (String name : List.of("CC", "BCC")) {
      if (headers.get(name) instanceof Collection<?> more) {
        more.forEach(one -> keys.add(String.valueOf(one)));
      }
    }
    return keys;
  }

  /** The way of one message through the exchanges; used under the lock. */
  private final class Walk {

    private final List<String> keys;
    private final Map<String, ? extends @Nullable Object> headers;
    private final Set<String> queues = new LinkedHashSet<>();
    private final Set<String> visited = new HashSet<>();
    private boolean complete = true;
    private boolean byHeaders;

    Walk(List<String> keys, Map<String, ? extends @Nullable Object> headers) {
      this.keys = keys;
      this.headers = headers;
    }

    void through(String name) {
      if (!visited.add(name)) {
        return;
      }
      if (name.equals(DEFAULT)) {
        queues.addAll(keys);
        return;
      }
      Exchange exchange = exchanges.get(name);
      if (exchange == null) {
        complete = false;
        return;
      }
      boolean routed = false;
      for (Binding binding : bindings.getOrDefault(name, Set.of())) {
        if (matches(exchange, binding)) {
          routed = true;
          follow(binding);
        }
      }
      if (!routed && exchange.alternate() != null) {
        through(exchange.alternate());
      }
    }

    private void follow(Binding binding) {
      if (binding.toQueue()) {
        queues.add(binding.destination());
      } else {
        through(binding.destination());
      }
    }

    private boolean matches(Exchange exchange, Binding binding) {
      switch (exchange.type()) {
        case "direct":
          return keys.contains(binding.key());
        case "fanout":
          return true;
        case "topic":
          return keys.stream().anyMatch(key -> Matching.topic(binding.key(), key));
        case "headers":
          byHeaders = true;
          return Matching.headers(binding.arguments(), headers);
        default:
          complete = false;
          return false;
      }
    }
  }
}
