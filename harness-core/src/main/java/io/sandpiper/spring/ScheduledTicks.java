package io.sandpiper.spring;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.support.BeanDefinitionRegistry;
import org.springframework.beans.factory.support.BeanDefinitionRegistryPostProcessor;
import org.springframework.beans.factory.support.RootBeanDefinition;
import org.springframework.scheduling.config.TaskManagementConfigUtils;

/**
 * Keeps the application's scheduler from running {@code @Scheduled} methods, unless {@code
 * sandpiper.scheduled=run}: a tick belongs to no test, so that whatever it does to the database
 * would be refused, or done for the wrong one.
 *
 * <p>Methods stay scheduled, and are listed as such; only their ticks do nothing.
 */
final class ScheduledTicks implements BeanDefinitionRegistryPostProcessor {

  private static final String PROPERTY = "sandpiper.scheduled";

  private static final String PROCESSOR =
      TaskManagementConfigUtils.SCHEDULED_ANNOTATION_PROCESSOR_BEAN_NAME;

  private final boolean skipped;

  /**
   * @param settings looks a property up
   */
  ScheduledTicks(Function<String, @Nullable String> settings) {
    String set = settings.apply(PROPERTY);
    String value = set == null ? "skip" : set;
    skipped = value.equalsIgnoreCase("skip");
    if (!skipped && !value.equalsIgnoreCase("run")) {
      throw new IllegalArgumentException(
          "%s is '%s'. Set it to skip or run.".formatted(PROPERTY, value));
    }
  }

  @Override
  public void postProcessBeanDefinitionRegistry(BeanDefinitionRegistry registry) {
    if (skipped && registry.containsBeanDefinition(PROCESSOR)) {
      RootBeanDefinition skipping = new RootBeanDefinition(SkippingScheduler.class);
      skipping.setRole(BeanDefinition.ROLE_INFRASTRUCTURE);
      registry.removeBeanDefinition(PROCESSOR);
      registry.registerBeanDefinition(PROCESSOR, skipping);
    }
  }

  @Override
  public void postProcessBeanFactory(ConfigurableListableBeanFactory beanFactory) {}
}
