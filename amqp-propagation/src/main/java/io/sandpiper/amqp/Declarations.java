package io.sandpiper.amqp;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Method;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Tells a topology what a client asks the broker to declare or to delete. */
final class Declarations {

  private Declarations() {}

  /**
   * Takes notice of a command.
   *
   * @param method the command; any one
   * @param topology the topology of the broker that is told, asked for where it declares something
   */
  static void read(Method method, Supplier<Topology> topology) {
    if (method instanceof AMQP.Queue.Declare queue) {
      // A passive one asks only, and gives no arguments.
      if (!queue.getPassive()) {
        topology
            .get()
            .queueDeclared(
                queue.getQueue(),
                new Topology.Queue(
                    map(queue.getArguments()),
                    queue.getDurable() && !queue.getExclusive(),
                    queue.getAutoDelete()));
      }
    } else if (method instanceof AMQP.Exchange.Declare exchange) {
      if (!exchange.getPassive()) {
        topology
            .get()
            .exchangeDeclared(
                exchange.getExchange(), exchange.getType(), map(exchange.getArguments()));
      }
    } else {
      bound(method, topology);
    }
  }

  private static void bound(Method method, Supplier<Topology> topology) {
    if (method instanceof AMQP.Queue.Bind bind) {
      topology
          .get()
          .queueBound(
              bind.getQueue(), bind.getExchange(), bind.getRoutingKey(), map(bind.getArguments()));
    } else if (method instanceof AMQP.Exchange.Bind bind) {
      topology
          .get()
          .exchangeBound(
              bind.getDestination(),
              bind.getSource(),
              bind.getRoutingKey(),
              map(bind.getArguments()));
    } else if (method instanceof AMQP.Queue.Unbind unbind) {
      topology
          .get()
          .queueUnbound(
              unbind.getQueue(),
              unbind.getExchange(),
              unbind.getRoutingKey(),
              map(unbind.getArguments()));
    } else if (method instanceof AMQP.Exchange.Unbind unbind) {
      topology
          .get()
          .exchangeUnbound(
              unbind.getDestination(),
              unbind.getSource(),
              unbind.getRoutingKey(),
              map(unbind.getArguments()));
    } else {
      deleted(method, topology);
    }
  }

  /** The broker may refuse a deletion that has a condition. */
  private static void deleted(Method method, Supplier<Topology> topology) {
    if (method instanceof AMQP.Queue.Delete delete
        && !delete.getIfUnused()
        && !delete.getIfEmpty()) {
      topology.get().queueDeleted(delete.getQueue());
    } else if (method instanceof AMQP.Exchange.Delete delete && !delete.getIfUnused()) {
      topology.get().exchangeDeleted(delete.getExchange());
    }
  }

  private static Map<String, Object> map(@Nullable Map<String, Object> arguments) {
    return arguments == null ? Map.of() : arguments;
  }
}
