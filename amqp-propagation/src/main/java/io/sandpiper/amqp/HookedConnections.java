package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.impl.recovery.AutorecoveringConnection;
import io.sandpiper.Run;
import java.util.Collections;
import java.util.Set;
import java.util.WeakHashMap;

/** Knows the connections whose factory was wrapped, so that nothing of them is wrapped again. */
final class HookedConnections implements AutoCloseable {

  private final Set<Connection> hooked =
      Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

  /** Those of a run. */
  static HookedConnections of(Run run) {
    return run.shared(HookedConnections.class, HookedConnections::new);
  }

  void add(Connection connection) {
    hooked.add(connection);
  }

  boolean contains(Connection connection) {
    return hooked.contains(
        connection instanceof AutorecoveringConnection recovering
            ? recovering.getDelegate()
            : connection);
  }

  /** Whatever it is behind, a channel tells the client's own connection. */
  boolean contains(Channel channel) {
    return hooked.contains(channel.getConnection());
  }

  @Override
  public void close() {
    hooked.clear();
  }
}
