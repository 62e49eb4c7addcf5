package io.sandpiper.http;

import io.sandpiper.Hop;
import io.sandpiper.Propagation;
import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpRequest;
import org.springframework.http.client.ClientHttpRequestExecution;
import org.springframework.http.client.ClientHttpRequestInterceptor;
import org.springframework.http.client.ClientHttpResponse;

/**
 * Stamps and records what a Spring client sends while its thread works for a sandbox.
 *
 * @param hosts who may see the id
 */
record StampingInterceptor(StampedHosts hosts) implements ClientHttpRequestInterceptor {

  private static final String HEADER_ON_THE_WIRE = "X-Test-Id";

  /**
   * Adds one, or its hosts to the one that is there. It goes last: interceptors before it may
   * retry, or send the request to another host, and each attempt is judged by where it goes.
   */
  static void addTo(List<ClientHttpRequestInterceptor> interceptors, StampedHosts hosts) {
    StampedHosts all = hosts;
    for (ClientHttpRequestInterceptor present : interceptors) {
      if (present instanceof StampingInterceptor stamping) {
        all = all.and(stamping.hosts);
      }
    }
    interceptors.removeIf(StampingInterceptor.class::isInstance);
    interceptors.add(new StampingInterceptor(all));
  }

  @Override
  public ClientHttpResponse intercept(
      HttpRequest request, byte[] body, ClientHttpRequestExecution execution) throws IOException {
    Work work = Work.current();
    return work == null
        ? execution.execute(request, body)
        : send(work.sandbox(), request, body, execution);
  }

  private ClientHttpResponse send(
      Sandbox sandbox, HttpRequest request, byte[] body, ClientHttpRequestExecution execution)
      throws IOException {
    if (hosts.include(request.getURI())) {
      stamp(request.getHeaders(), sandbox);
    }
    Hop hop = sandbox.sent(content(request, body));
    try {
      ClientHttpResponse response = execution.execute(request, body);
      int status = response.getStatusCode().value();
      sandbox.answered(hop);
      sandbox.journal().note("%s -> %d".formatted(hop.address(), status));
      return response;
    } catch (IOException | RuntimeException | Error failure) {
      sandbox.failedToSend(hop, failure);
      throw failure;
    }
  }

  private static void stamp(HttpHeaders headers, Sandbox sandbox) {
    Propagation.inject(
        sandbox,
        joined(headers.get(Propagation.BAGGAGE)),
        (name, value) ->
            headers.set(name.equals(Propagation.HEADER) ? HEADER_ON_THE_WIRE : name, value));
  }

  private static @Nullable String joined(@Nullable List<String> values) {
    return values == null ? null : String.join(",", values);
  }

  private static Hop.Content content(HttpRequest request, byte[] body) {
    return new Hop.Content(
        Hop.Direction.SENT,
        request.getMethod().name() + " " + place(request.getURI()),
        null,
        headers(request.getHeaders()),
        body,
        Hop.Ids.NONE);
  }

  /** The URI without what may be secret or differs from call to call: user, query, fragment. */
  private static String place(URI uri) {
    String authority = uri.getRawAuthority();
    return authority == null
        ? uri.getRawPath()
        : uri.getScheme()
            + "://"
            + authority.substring(authority.lastIndexOf('@') + 1)
            + uri.getRawPath();
  }

  private static Map<String, String> headers(HttpHeaders headers) {
    Map<String, String> copy = new TreeMap<>();
    headers.forEach(
        (name, values) -> copy.put(name.toLowerCase(Locale.ROOT), String.join(", ", values)));
    return copy;
  }
}
