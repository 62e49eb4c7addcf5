package io.sandpiper.http;

import static org.assertj.core.api.Assertions.assertThat;

import jakarta.servlet.Filter;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.restclient.RestClientCustomizer;
import org.springframework.boot.restclient.RestTemplateBuilder;
import org.springframework.boot.restclient.autoconfigure.RestClientAutoConfiguration;
import org.springframework.boot.restclient.autoconfigure.RestTemplateAutoConfiguration;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.context.runner.WebApplicationContextRunner;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.http.client.ClientHttpRequestInterceptor;
import org.springframework.web.client.RestClient;

class AutoConfigurationTests {

  private static final AutoConfigurations CONFIGURATIONS =
      AutoConfigurations.of(
          HttpPropagationAutoConfiguration.class,
          RestClientAutoConfiguration.class,
          RestTemplateAutoConfiguration.class);

  private final WebApplicationContextRunner web =
      new WebApplicationContextRunner()
          .withConfiguration(CONFIGURATIONS)
          .withPropertyValues("sandpiper.enabled=true");
  private final ApplicationContextRunner plain =
      new ApplicationContextRunner()
          .withConfiguration(CONFIGURATIONS)
          .withPropertyValues("sandpiper.enabled=true");

  @Test
  void it_does_nothing_unless_the_harness_is_switched_on() {
    for (String off : List.of("other=true", "sandpiper.enabled=false")) {
      new WebApplicationContextRunner()
          .withConfiguration(CONFIGURATIONS)
          .withPropertyValues(off)
          .run(
              context -> {
                assertThat(context).doesNotHaveBean(FilterRegistrationBean.class);
                assertThat(interceptors(context)).isEmpty();
              });
    }
  }

  @Test
  void the_filter_goes_first() {
    web.run(
        context ->
            assertThat(context.getBean(FilterRegistrationBean.class).getOrder())
                .isEqualTo(Ordered.HIGHEST_PRECEDENCE));
  }

  @Test
  void an_application_without_servlets_has_stamped_clients_and_no_filter() {
    Consumer<ApplicationContext> check =
        context -> {
          assertThat(context.getBeansOfType(FilterRegistrationBean.class)).isEmpty();
          assertThat(interceptors(context)).hasAtLeastOneElementOfType(StampingInterceptor.class);
        };
    plain.run(check::accept);
    plain.withClassLoader(new FilteredClassLoader(Filter.class)).run(check::accept);
  }

  @Test
  void an_application_without_spring_s_clients_has_the_filter() {
    new WebApplicationContextRunner()
        .withConfiguration(AutoConfigurations.of(HttpPropagationAutoConfiguration.class))
        .withPropertyValues("sandpiper.enabled=true")
        .withClassLoader(new FilteredClassLoader("org.springframework.boot.rest"))
        .run(context -> assertThat(context).hasSingleBean(FilterRegistrationBean.class));
  }

  @Test
  void customizers_of_the_application_stay_and_come_before() {
    plain
        .withUserConfiguration(OwnCustomizer.class)
        .run(
            context ->
                assertThat(interceptors(context))
                    .satisfiesExactly(
                        own -> assertThat(own).isSameAs(OwnCustomizer.INTERCEPTOR),
                        ours -> assertThat(ours).isInstanceOf(StampingInterceptor.class)));
  }

  @Test
  void hosts_come_from_a_property_as_text_or_list() {
    List<String> text = List.of("sandpiper.http.hosts=one, *.two.test");
    List<String> list =
        List.of("sandpiper.http.hosts[0]=one", "sandpiper.http.hosts[1]=*.two.test");
    for (List<String> property : List.of(text, list)) {
      plain
          .withPropertyValues(property.toArray(String[]::new))
          .run(
              context ->
                  assertThat(interceptors(context))
                      .containsExactly(
                          new StampingInterceptor(StampedHosts.of("one", "*.two.test"))));
    }
  }

  @Test
  void a_property_that_names_no_host_stops_the_start() {
    plain
        .withPropertyValues("sandpiper.http.hosts=http://worker")
        .run(
            context ->
                assertThat(context)
                    .getFailure()
                    .hasMessageContaining("sandpiper.http.hosts")
                    .hasRootCauseInstanceOf(IllegalArgumentException.class));
  }

  @Test
  void templates_are_stamped_too() {
    plain.run(
        context ->
            assertThat(context.getBean(RestTemplateBuilder.class).build().getInterceptors())
                .hasExactlyElementsOfTypes(StampingInterceptor.class));
  }

  private static List<ClientHttpRequestInterceptor> interceptors(ApplicationContext context) {
    List<ClientHttpRequestInterceptor> found = new ArrayList<>();
    context.getBean(RestClient.Builder.class).requestInterceptors(found::addAll);
    return found;
  }

  static class OwnCustomizer {

    static final ClientHttpRequestInterceptor INTERCEPTOR =
        (request, body, execution) -> execution.execute(request, body);

    @Bean
    RestClientCustomizer own() {
      return builder -> builder.requestInterceptor(INTERCEPTOR);
    }
  }
}
