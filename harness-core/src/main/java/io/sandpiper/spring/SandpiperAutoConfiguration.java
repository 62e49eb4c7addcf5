package io.sandpiper.spring;

import io.sandpiper.Run;
import io.sandpiper.jdbc.Unowned;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Role;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.Profiles;
import org.springframework.jdbc.datasource.DelegatingDataSource;

/** Wraps the connection pools and task executors of a context in which the harness is on. */
@AutoConfiguration
@ConditionalOnBooleanProperty("sandpiper.enabled")
@Role(BeanDefinition.ROLE_INFRASTRUCTURE)
class SandpiperAutoConfiguration {

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static ContextPhase sandpiperContextPhase(ConfigurableEnvironment environment) {
    refuseProduction(environment);
    ContextsAtExit.areClosedFirst(Run.ofThisJvm());
    return new ContextPhase();
  }

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  @ConditionalOnClass(DelegatingDataSource.class)
  static DataSourcePostProcessor sandpiperDataSourcePostProcessor(
      ContextPhase phase, ConfigurableEnvironment environment) {
    return new DataSourcePostProcessor(
        Unowned.of(environment::getProperty), phase::settingUp, environment::getProperty);
  }

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  @ConditionalOnClass(DelegatingDataSource.class)
  static DatabaseTemplates sandpiperDatabaseTemplates(DataSourcePostProcessor dataSources) {
    return new DatabaseTemplates(dataSources::wrapped);
  }

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static ExecutorProxies sandpiperExecutorProxies(ContextPhase phase) {
    return new ExecutorProxies(phase::settingUp);
  }

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static ExecutorPostProcessor sandpiperExecutorPostProcessor(ExecutorProxies proxies) {
    return new ExecutorPostProcessor(proxies);
  }

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static AsyncPostProcessor sandpiperAsyncPostProcessor(ExecutorProxies proxies) {
    return new AsyncPostProcessor(proxies);
  }

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static ScheduledTicks sandpiperScheduledTicks(ConfigurableEnvironment environment) {
    return new ScheduledTicks(environment::getProperty);
  }

  @Bean
  @Role(BeanDefinition.ROLE_INFRASTRUCTURE)
  static SandboxScope sandpiperSandboxScope() {
    return new SandboxScope();
  }

  private static void refuseProduction(ConfigurableEnvironment environment) {
    boolean isTest =
        environment.getPropertySources().contains(HarnessContextCustomizerFactory.TEST_DEFAULTS);
    if (!isTest && environment.acceptsProfiles(Profiles.of("prod", "production"))) {
      throw new IllegalStateException(
          "The Sandpiper harness is switched on (sandpiper.enabled=true) under a production"
              + " profile. Remove the property: whoever holds a test id could redirect work.");
    }
  }
}
