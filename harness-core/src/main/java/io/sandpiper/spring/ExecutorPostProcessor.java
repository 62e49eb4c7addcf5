package io.sandpiper.spring;

import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.core.Ordered;
import org.springframework.core.PriorityOrdered;

/**
 * Makes beans that run tasks carry the submitter's scope and tell the ledger; they keep their
 * class.
 *
 * <p>It comes before other post-processors, because some of them have executors made for
 * themselves.
 */
final class ExecutorPostProcessor implements BeanPostProcessor, PriorityOrdered {

  private final ExecutorProxies proxies;

  ExecutorPostProcessor(ExecutorProxies proxies) {
    this.proxies = proxies;
  }

  @Override
  public int getOrder() {
    return Ordered.LOWEST_PRECEDENCE;
  }

  @Override
  public Object postProcessAfterInitialization(Object bean, String beanName) {
    return ExecutorProxies.runsTasks(bean) ? proxies.scoped(bean) : bean;
  }
}
