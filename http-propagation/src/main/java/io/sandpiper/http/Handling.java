package io.sandpiper.http;

import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The handling of one accepted request: one unit of work over all dispatches and threads.
 *
 * <p>It ends when the first dispatch returns, or, where the application made the request
 * asynchronous, when the container has completed it.
 */
final class Handling implements AsyncListener {

  private static final String ATTRIBUTE = Handling.class.getName();

  private final Work work;
  private volatile @Nullable Throwable failure;

  private Handling(Work work) {
    this.work = work;
  }

  /** Begins the handling of a request, to be found again when it is dispatched again. */
  static Handling begin(Work work, HttpServletRequest request) {
    Handling handling = new Handling(work);
    request.setAttribute(ATTRIBUTE, handling);
    return handling;
  }

  /** The handling that has begun for a request, or null. */
  static @Nullable Handling of(HttpServletRequest request) {
    return request.getAttribute(ATTRIBUTE) instanceof Handling handling ? handling : null;
  }

  /** Does one dispatch of the request in its scope. */
  void run(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws IOException, ServletException {
    if (Work.current() == work) {
      // The filter is registered twice; the outer one decides when the handling ends.
      chain.doFilter(request, response);
      return;
    }
    try (Scope scope = work.bind()) {
      chain.doFilter(request, response);
    } catch (Throwable thrown) {
      failed(thrown);
      throw thrown;
    } finally {
      endOrAwait(request);
    }
  }

  private void endOrAwait(HttpServletRequest request) {
    if (request.isAsyncStarted()) {
      request.getAsyncContext().addListener(this);
    } else {
      work.finish(failure);
    }
  }

  private void failed(Throwable thrown) {
    if (failure == null) {
      failure = cause(thrown);
    }
  }

  /** What the application threw; a servlet has to wrap it where it is a checked exception. */
  private static Throwable cause(Throwable thrown) {
    Throwable wrapped = thrown instanceof ServletException outer ? outer.getRootCause() : null;
    return wrapped == null ? thrown : wrapped;
  }

  @Override
  public void onComplete(AsyncEvent event) {
    work.finish(failure);
  }

  @Override
  public void onError(AsyncEvent event) {
    Throwable thrown = event.getThrowable();
    // An I/O error that the container reports means that the client has gone: nobody failed.
    if (thrown != null && !(thrown instanceof IOException)) {
      failed(thrown);
    }
  }

  /** Ends nothing: the application may answer the timeout yet, and completion follows anyway. */
  @Override
  public void onTimeout(AsyncEvent event) {}

  /** Adds nothing: the dispatch that starts the next cycle goes through the filter. */
  @Override
  public void onStartAsync(AsyncEvent event) {}
}
