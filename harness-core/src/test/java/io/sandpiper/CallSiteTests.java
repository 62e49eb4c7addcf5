package io.sandpiper;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class CallSiteTests {

  private static final String HERE = CallSiteTests.class.getName() + ".";

  @Test
  void it_is_the_frame_of_the_application() {
    assertThat(CallSite.here())
        .asString()
        .startsWith(HERE + "it_is_the_frame_of_the_application(CallSiteTests.java:");
  }

  @Test
  void frames_of_the_jdk_are_left_out() {
    CallSite site = Stream.of(1).map(number -> CallSite.here()).findFirst().orElseThrow();
    assertThat(site).asString().contains("frames_of_the_jdk_are_left_out");
    Callable<CallSite> reflective = CallSite::here;
    assertThat(call(reflective)).asString().startsWith(HERE + "call(");
  }

  private static CallSite call(Callable<CallSite> callable) {
    try {
      return (CallSite) Callable.class.getMethod("call").invoke(callable);
    } catch (ReflectiveOperationException failed) {
      throw new AssertionError(failed);
    }
  }

  @Test
  void a_thread_that_runs_no_code_of_an_application_has_none()
      throws ExecutionException, InterruptedException {
    Supplier<@Nullable Object> method = new Supplied();
    Object site = CompletableFuture.supplyAsync(method).get();
    assertThat(site).asString().startsWith(Supplied.class.getName() + ".get(");
    ExecutorService pool = Executors.newSingleThreadExecutor();
    try {
      assertThat(pool.submit((Callable<CallSite>) CallSite::here).get()).isNull();
    } finally {
      pool.shutdown();
    }
  }

  private static final class Supplied implements Supplier<@Nullable Object> {
    @Override
    public @Nullable Object get() {
      return CallSite.here();
    }
  }
}
