package io.sandpiper.http;

import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import jakarta.servlet.http.HttpServletRequest;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.springframework.web.context.request.NativeWebRequest;
import org.springframework.web.context.request.async.CallableProcessingInterceptor;
import org.springframework.web.context.request.async.WebAsyncUtils;

/**
 * The scope around a Callable that a Spring controller returns, on whatever executor runs it.
 *
 * <p>One for each request, and it asks the request nothing: after a timeout the Callable may
 * outlive it. Until then the Callable keeps the request's work open.
 */
final class SpringCallableScope implements CallableProcessingInterceptor {

  private final Work work;
  // Set and read by the thread that runs the Callable.
  private @Nullable Scope scope;

  private SpringCallableScope(Work work) {
    this.work = work;
  }

  static void register(HttpServletRequest request, Work work) {
    WebAsyncUtils.getAsyncManager(request)
        .registerCallableInterceptor(SpringCallableScope.class, new SpringCallableScope(work));
  }

  @Override
  public <T> void preProcess(NativeWebRequest request, Callable<T> task) {
    work.hold();
    scope = work.bind();
  }

  @Override
  public <T> void postProcess(
      NativeWebRequest request, Callable<T> task, @Nullable Object concurrentResult) {
    if (scope != null) {
      scope.close();
      // What it threw goes to the application's error handling, as from any controller.
      work.release(null);
    }
  }
}
