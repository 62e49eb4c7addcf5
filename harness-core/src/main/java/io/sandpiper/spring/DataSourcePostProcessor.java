package io.sandpiper.spring;

import io.sandpiper.jdbc.SandboxDataSource;
import io.sandpiper.jdbc.Unowned;
import java.lang.reflect.Modifier;
import java.sql.SQLException;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import javax.sql.DataSource;
import org.aopalliance.intercept.MethodInterceptor;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.ProxyFactory;
import org.springframework.aop.support.AopUtils;
import org.springframework.aop.target.EmptyTargetSource;
import org.springframework.beans.FatalBeanException;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.config.DestructionAwareBeanPostProcessor;
import org.springframework.core.Ordered;

/**
 * Puts a sandbox over each connection pool, which keeps its class.
 *
 * <p>Only leaves are wrapped. What stands around them, such as a routing, lazy or logging
 * DataSource, stays as it is, and its targets that are no beans are wrapped in their places.
 */
final class DataSourcePostProcessor
    implements DestructionAwareBeanPostProcessor, DisposableBean, Ordered {

  private final Unowned unowned;
  private final BooleanSupplier settingUp;
  private final Function<String, @Nullable String> settings;
  private final Map<DataSource, Wrapped> wrapped =
      Collections.synchronizedMap(new IdentityHashMap<>());

  /** A pool's sandbox, and what stands in the pool's place. */
  private record Wrapped(SandboxDataSource sandboxed, DataSource place) {}

  DataSourcePostProcessor(
      Unowned unowned, BooleanSupplier settingUp, Function<String, @Nullable String> settings) {
    this.unowned = unowned;
    this.settingUp = settingUp;
    this.settings = settings;
  }

  @Override
  public int getOrder() {
    // Before those that put proxies of other tools around the pool.
    return Ordered.HIGHEST_PRECEDENCE;
  }

  @Override
  public Object postProcessAfterInitialization(Object bean, String beanName) {
    return bean instanceof DataSource dataSource ? sandboxed(dataSource) : bean;
  }

  @Override
  public boolean requiresDestruction(Object bean) {
    return bean instanceof DataSource pool && wrapped.containsKey(pool);
  }

  @Override
  public void postProcessBeforeDestruction(Object bean, String beanName) {
    Wrapped closing = bean instanceof DataSource pool ? wrapped.remove(pool) : null;
    if (closing != null) {
      close(closing, beanName);
    }
  }

  /** Pools that are no beans end with the context. */
  @Override
  public void destroy() {
    for (Wrapped left : List.copyOf(wrapped.values())) {
      close(left, left.place().toString());
    }
    wrapped.clear();
  }

  /** Those that are wrapped so far; a copy. */
  List<SandboxDataSource> wrapped() {
    synchronized (wrapped) {
      return wrapped.values().stream().map(Wrapped::sandboxed).toList();
    }
  }

  private static void close(Wrapped closing, String name) {
    try {
      closing.sandboxed().close();
    } catch (SQLException failed) {
      throw new FatalBeanException("Could not close the sandbox connections of " + name, failed);
    }
  }

  private DataSource sandboxed(DataSource dataSource) {
    if (dataSource instanceof SandboxDataSource) {
      return dataSource;
    }
    DataSourceTargets targets = DataSourceTargets.of(dataSource);
    if (targets.isEmpty()) {
      return targets.areElsewhere() || leadsToSandbox(dataSource) ? dataSource : wrap(dataSource);
    }
    return targets.replace(this::sandboxed) ? dataSource : wrap(dataSource);
  }

  private static boolean leadsToSandbox(DataSource dataSource) {
    try {
      return dataSource.isWrapperFor(SandboxDataSource.class);
    } catch (SQLException | RuntimeException doesNotKnow) {
      return false;
    }
  }

  private DataSource wrap(DataSource pool) {
    Wrapped known = wrapped.get(pool);
    if (known != null) {
      return known.place();
    }
    SandboxDataSource sandboxed = SandboxDataSource.wrap(pool, unowned, settingUp, settings);
    DataSource place = isFinal(pool) ? sandboxed : proxy(pool, sandboxed);
    wrapped.put(pool, new Wrapped(sandboxed, place));
    return place;
  }

  private static boolean isFinal(DataSource pool) {
    return Modifier.isFinal(pool.getClass().getModifiers());
  }

  private static DataSource proxy(DataSource pool, SandboxDataSource sandboxed) {
    ProxyFactory factory = new ProxyFactory();
    // With the pool as its target the proxy would put itself in the place of what unwrap() returns.
    factory.setTargetSource(EmptyTargetSource.forClass(pool.getClass()));
    factory.setProxyTargetClass(true);
    factory.addAdvice(
        (MethodInterceptor)
            call -> {
              @Nullable Object[] arguments = call.getArguments();
              return switch (call.getMethod().getName()) {
                case "getConnection" ->
                    arguments.length == 0
                        ? sandboxed.getConnection()
                        : sandboxed.getConnection((String) arguments[0], (String) arguments[1]);
                case "unwrap" -> sandboxed.unwrap(type(arguments));
                case "isWrapperFor" -> sandboxed.isWrapperFor(type(arguments));
                default ->
                    AopUtils.invokeJoinpointUsingReflection(pool, call.getMethod(), arguments);
              };
            });
    return (DataSource) factory.getProxy(pool.getClass().getClassLoader());
  }

  private static Class<?> type(@Nullable Object[] arguments) {
    return (Class<?>) Objects.requireNonNull(arguments[0]);
  }
}
