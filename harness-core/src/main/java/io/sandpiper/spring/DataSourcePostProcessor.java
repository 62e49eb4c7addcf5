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
import org.springframework.beans.factory.config.DestructionAwareBeanPostProcessor;
import org.springframework.core.Ordered;
import org.springframework.jdbc.datasource.DelegatingDataSource;
import org.springframework.jdbc.datasource.lookup.AbstractRoutingDataSource;

/**
 * Puts a sandbox over each connection pool bean, which keeps its class.
 *
 * <p>Only leaves are wrapped. A routing or delegating DataSource leads to others, which are.
 */
final class DataSourcePostProcessor implements DestructionAwareBeanPostProcessor, Ordered {

  private final Unowned unowned;
  private final BooleanSupplier settingUp;
  private final Function<String, @Nullable String> settings;
  private final Map<Object, SandboxDataSource> wrapped =
      Collections.synchronizedMap(new IdentityHashMap<>());

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
    return bean instanceof DataSource pool && isLeaf(pool) ? wrap(pool) : bean;
  }

  @Override
  public boolean requiresDestruction(Object bean) {
    return wrapped.containsKey(bean);
  }

  @Override
  public void postProcessBeforeDestruction(Object bean, String beanName) {
    SandboxDataSource sandboxed = wrapped.remove(bean);
    if (sandboxed != null) {
      try {
        sandboxed.close();
      } catch (SQLException failed) {
        throw new FatalBeanException(
            "Could not close the sandbox connections of " + beanName, failed);
      }
    }
  }

  /** Those that are wrapped so far; a copy. */
  List<SandboxDataSource> wrapped() {
    synchronized (wrapped) {
      return List.copyOf(wrapped.values());
    }
  }

  private static boolean isLeaf(DataSource dataSource) {
    return !(dataSource instanceof SandboxDataSource
        || dataSource instanceof AbstractRoutingDataSource
        || dataSource instanceof DelegatingDataSource);
  }

  private DataSource wrap(DataSource pool) {
    SandboxDataSource sandboxed = SandboxDataSource.wrap(pool, unowned, settingUp, settings);
    wrapped.put(pool, sandboxed);
    if (Modifier.isFinal(pool.getClass().getModifiers())) {
      return sandboxed;
    }
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
                        : AopUtils.invokeJoinpointUsingReflection(
                            pool, call.getMethod(), arguments);
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
