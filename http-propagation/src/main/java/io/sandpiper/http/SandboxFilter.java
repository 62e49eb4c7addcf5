package io.sandpiper.http;

import io.sandpiper.Arrival;
import io.sandpiper.Hop;
import io.sandpiper.Propagation;
import io.sandpiper.Run;
import io.sandpiper.Work;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/** Serves each request in the scope of the test that sent it, or refuses it. */
final class SandboxFilter implements Filter {

  private final Run run;
  private final BiConsumer<HttpServletRequest, Work> onAccepted;

  SandboxFilter(Run run) {
    this(run, (request, work) -> {});
  }

  /**
   * @param onAccepted prepares an accepted request for what a web framework does with it on threads
   *     that no filter sees
   */
  SandboxFilter(Run run, BiConsumer<HttpServletRequest, Work> onAccepted) {
    this.run = run;
    this.onAccepted = onAccepted;
  }

  @Override
  public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    if (request instanceof HttpServletRequest httpRequest
        && response instanceof HttpServletResponse httpResponse) {
      serve(httpRequest, httpResponse, chain);
    } else {
      chain.doFilter(request, response);
    }
  }

  private void serve(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    Handling handling = Handling.of(request);
    if (handling != null) {
      handling.run(RecordedBody.replay(request), response, chain);
    } else if (request.getDispatcherType() == DispatcherType.REQUEST) {
      receive(request, response, chain);
    } else {
      chain.doFilter(RecordedBody.replay(request), response);
    }
  }

  private void receive(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    Arrival arrival = arrive(request);
    if (arrival instanceof Arrival.Refused refused) {
      Problem.of(refused.refusal()).write(response);
    } else if (arrival instanceof Arrival.Accepted accepted) {
      accept(accepted.work(), request).run(RecordedBody.replay(request), response, chain);
    } else {
      // As in production; on a thread that works for a sandbox already, as under MockMvc, within
      // its scope.
      chain.doFilter(RecordedBody.replay(request), response);
    }
  }

  private Arrival arrive(HttpServletRequest request) throws IOException {
    String address = request.getMethod() + " " + request.getRequestURI();
    // Without an id nobody will see the body, and the application is to run as in production.
    byte[] body = mayCarryId(request) ? RecordedBody.read(request) : RecordedBody.NOT_RECORDED;
    return run.arrive(
        new Hop.Content(
            Hop.Direction.RECEIVED, address, null, headers(request), body, Hop.Ids.NONE),
        "request " + address);
  }

  private Handling accept(Work work, HttpServletRequest request) {
    if (RecordedBody.isTooLong(request)) {
      work.sandbox().journal().note(RecordedBody.TOO_LONG);
    }
    onAccepted.accept(request, work);
    return Handling.begin(work, request);
  }

  private static boolean mayCarryId(HttpServletRequest request) {
    return request.getHeader(Propagation.HEADER) != null
        || request.getHeader(Propagation.BAGGAGE) != null;
  }

  private static Map<String, String> headers(HttpServletRequest request) {
    Map<String, String> headers = new TreeMap<>();
    for (String name : Collections.list(request.getHeaderNames())) {
      headers.put(
          name.toLowerCase(Locale.ROOT),
          String.join(", ", Collections.list(request.getHeaders(name))));
    }
    return headers;
  }
}
