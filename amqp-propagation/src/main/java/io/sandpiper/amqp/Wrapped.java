package io.sandpiper.amqp;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import io.sandpiper.Run;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.util.ClassUtils;

/**
 * A connection or channel in whose place the application has a proxy, because the factory that it
 * comes from was not wrapped. Of a connection only what it opens is of interest.
 */
class Wrapped implements InvocationHandler {

  private final Run run;
  private final Object target;

  Wrapped(Run run, Object target) {
    this.run = run;
    this.target = target;
  }

  /** A connection whose channels are wrapped; the connection itself where they are already. */
  static Connection wrap(Connection connection, Run run) {
    return of(connection) != null || HookedConnections.of(run).contains(connection)
        ? connection
        : (Connection) new Wrapped(run, connection).proxy();
  }

  /** As {@link #wrap(Connection, Run)}, for a channel. */
  static Channel wrap(Channel channel, Run run) {
    return of(channel) != null || HookedConnections.of(run).contains(channel)
        ? channel
        : (Channel) new WrappedChannel(run, channel).proxy();
  }

  /** What a proxy of ours stands for; anything else itself. */
  static Object unwrap(Object wrapped) {
    Wrapped ours = of(wrapped);
    return ours == null ? wrapped : ours.target;
  }

  private static @Nullable Wrapped of(Object wrapped) {
    return Proxy.isProxyClass(wrapped.getClass())
            && Proxy.getInvocationHandler(wrapped) instanceof Wrapped ours
        ? ours
        : null;
  }

  final Object proxy() {
    ClassLoader loader = Objects.requireNonNull(target.getClass().getClassLoader());
    Class<?>[] interfaces =
        Arrays.stream(ClassUtils.getAllInterfacesForClass(target.getClass(), loader))
            .filter(type -> Modifier.isPublic(type.getModifiers()))
            .toArray(Class<?>[]::new);
    return Proxy.newProxyInstance(loader, interfaces, this);
  }

  @Override
  public final @Nullable Object invoke(
      Object self, Method method, @Nullable Object @Nullable [] args) throws Throwable {
    if (args != null && args.length == 1 && method.getName().equals("equals")) {
      return args[0] != null && target.equals(unwrap(args[0]));
    }
    return wrapped(call(method, args == null ? new Object[0] : args));
  }

  /** Does what the application calls for. */
  @Nullable Object call(Method method, @Nullable Object[] args) throws Throwable {
    try {
      return method.invoke(target, args);
    } catch (InvocationTargetException thrown) {
      throw thrown.getCause();
    }
  }

  /** Connections and channels lead to each other. */
  private @Nullable Object wrapped(@Nullable Object result) {
    if (result instanceof Optional<?> optional) {
      return optional.map(this::wrapped);
    }
    if (result instanceof Channel channel) {
      return wrap(channel, run);
    }
    return result instanceof Connection connection ? wrap(connection, run) : result;
  }
}
