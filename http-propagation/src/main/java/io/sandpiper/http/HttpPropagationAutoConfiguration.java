package io.sandpiper.http;

import io.sandpiper.Run;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import java.util.EnumSet;
import java.util.List;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.restclient.RestClientCustomizer;
import org.springframework.boot.restclient.RestTemplateCustomizer;
import org.springframework.boot.resttestclient.autoconfigure.RestTestClientBuilderCustomizer;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.Ordered;
import org.springframework.core.env.Environment;
import org.springframework.web.context.request.async.WebAsyncUtils;

/**
 * Propagation in a Spring Boot application, where the harness is switched on.
 *
 * <p>Customizers add up, so the application's own stay in force.
 */
@AutoConfiguration
@ConditionalOnBooleanProperty("sandpiper.enabled")
final class HttpPropagationAutoConfiguration {

  @Configuration(proxyBeanMethods = false)
  @ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
  @ConditionalOnClass({Filter.class, FilterRegistrationBean.class, WebAsyncUtils.class})
  static class Inbound {

    @Bean
    FilterRegistrationBean<SandboxFilter> sandpiperFilter() {
      FilterRegistrationBean<SandboxFilter> registration =
          new FilterRegistrationBean<>(
              new SandboxFilter(Run.ofThisJvm(), SpringCallableScope::register));
      registration.setOrder(Ordered.HIGHEST_PRECEDENCE);
      registration.setDispatcherTypes(
          EnumSet.of(DispatcherType.REQUEST, DispatcherType.ASYNC, DispatcherType.ERROR));
      return registration;
    }
  }

  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass({RestClientCustomizer.class, RestTemplateCustomizer.class})
  static class Outbound {

    @Bean
    RestClientCustomizer sandpiperRestClientCustomizer(Environment environment) {
      String[] hosts = hosts(environment);
      return builder -> HttpPropagation.wrap(builder, hosts);
    }

    @Bean
    RestTemplateCustomizer sandpiperRestTemplateCustomizer(Environment environment) {
      String[] hosts = hosts(environment);
      return template -> HttpPropagation.wrap(template, hosts);
    }
  }

  /** The test's own client; TestRestTemplate is built with the customizer above. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(RestTestClientBuilderCustomizer.class)
  static class TestClient {

    @Bean
    RestTestClientBuilderCustomizer sandpiperRestTestClientBuilderCustomizer(
        Environment environment) {
      StampedHosts hosts = StampedHosts.of(hosts(environment));
      return builder ->
          builder.requestInterceptors(
              interceptors -> StampingInterceptor.addTo(interceptors, hosts));
    }
  }

  private static String[] hosts(Environment environment) {
    return Binder.get(environment)
        .bind(StampedHosts.PROPERTY, Bindable.listOf(String.class))
        .orElse(List.of())
        .toArray(String[]::new);
  }
}
