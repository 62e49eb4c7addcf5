package io.sandpiper.http;

import io.sandpiper.Run;
import jakarta.servlet.Filter;
import org.springframework.web.client.RestClient;
import org.springframework.web.client.RestTemplate;

/**
 * Carries the test id over HTTP where Spring Boot's auto-configuration does not reach.
 *
 * <p>Outbound requests are stamped for loopback hosts only and for those named here, so that no id
 * leaves for a stranger; requests to others are recorded all the same.
 */
public final class HttpPropagation {

  private HttpPropagation() {}

  /**
   * Makes clients of a builder stamp and record what they send from within a test; wrapping again
   * adds hosts and nothing else.
   *
   * @param hosts hosts to stamp beside loopback: exact names or {@code *.suffix}
   * @return the builder
   */
  public static RestClient.Builder wrap(RestClient.Builder builder, String... hosts) {
    StampedHosts stamped = StampedHosts.of(hosts);
    return builder.requestInterceptors(
        interceptors -> StampingInterceptor.addTo(interceptors, stamped));
  }

  /**
   * As {@link #wrap(RestClient.Builder, String...)}.
   *
   * @return the template
   */
  public static RestTemplate wrap(RestTemplate template, String... hosts) {
    StampingInterceptor.addTo(template.getInterceptors(), StampedHosts.of(hosts));
    return template;
  }

  /**
   * A filter that serves each request in the scope of the test that sent it, and answers a request
   * with an id that it must refuse.
   *
   * <p>It goes first, for all URLs, with support for asynchronous requests, and for the dispatcher
   * types REQUEST, ASYNC and ERROR.
   */
  public static Filter filter() {
    return new SandboxFilter(Run.ofThisJvm());
  }
}
