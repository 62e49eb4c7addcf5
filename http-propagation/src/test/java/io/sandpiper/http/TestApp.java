package io.sandpiper.http;

import io.sandpiper.Sandbox;
import io.sandpiper.Work;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.error.ErrorAttributeOptions;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.boot.webmvc.error.DefaultErrorAttributes;
import org.springframework.boot.webmvc.error.ErrorAttributes;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestClient;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.context.request.async.DeferredResult;
import org.springframework.web.multipart.MultipartFile;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.servlet.config.annotation.AsyncSupportConfigurer;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;
import org.springframework.web.servlet.mvc.method.annotation.StreamingResponseBody;

/** An application whose handlers say for which test they run. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
@Import(TestApp.Handlers.class)
class TestApp {

  /** What a handler answers that runs for no test. */
  static final String NOBODY = "nobody";

  static String whose() {
    Work work = Work.current();
    return work == null ? NOBODY : work.sandbox().testName();
  }

  @RestController
  static class Handlers {

    final AtomicInteger calls = new AtomicInteger();
    final CyclicBarrier meeting = new CyclicBarrier(2);
    final CountDownLatch callableMayReturn = new CountDownLatch(1);
    final LinkedBlockingQueue<String> callablesBegun = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<String> leftOpen = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<DeferredResult<String>> deferred = new LinkedBlockingQueue<>();
    private final RestClient self;

    Handlers(RestClient.Builder builder) {
      self = builder.build();
    }

    @PostMapping("/sync")
    String sync(@RequestBody Map<String, Object> body) {
      calls.incrementAndGet();
      return whose();
    }

    @PostMapping("/callable")
    Callable<String> callable(@RequestBody Map<String, Object> body) {
      return () -> Sandbox.current().testName();
    }

    @GetMapping("/streamed")
    StreamingResponseBody streamed() {
      return out -> out.write(whose().getBytes(StandardCharsets.UTF_8));
    }

    @PostMapping("/deferred")
    DeferredResult<String> deferred(@RequestBody Map<String, Object> body) {
      DeferredResult<String> result = new DeferredResult<>();
      result.setResult(whose());
      return result;
    }

    @GetMapping("/meet")
    String meet() throws Exception {
      meeting.await(10, TimeUnit.SECONDS);
      return whose();
    }

    @GetMapping("/slow-callable")
    Callable<String> slowCallable() {
      return () -> {
        callablesBegun.add(whose());
        callableMayReturn.await();
        return whose();
      };
    }

    @GetMapping("/open-deferred")
    DeferredResult<String> openDeferred() {
      DeferredResult<String> result = new DeferredResult<>();
      deferred.add(result);
      return result;
    }

    @GetMapping("/timeout")
    DeferredResult<String> timeout() {
      return new DeferredResult<>(1L);
    }

    @GetMapping("/boom")
    String boom() {
      throw new IllegalStateException("boom");
    }

    @GetMapping("/callable-boom")
    Callable<String> callableBoom() {
      return this::boom;
    }

    @GetMapping("/conflict")
    String conflict() {
      throw new ResponseStatusException(HttpStatus.SERVICE_UNAVAILABLE);
    }

    @GetMapping("/relay/{port}")
    String relay(@PathVariable int port) {
      return whose()
          + " and "
          + self.get().uri("http://localhost:" + port + "/whose").retrieve().body(String.class);
    }

    @GetMapping("/whose")
    String whoseRequest() {
      calls.incrementAndGet();
      return whose();
    }

    @PostMapping("/upload")
    String upload(@RequestParam MultipartFile file, @RequestParam String name) throws IOException {
      return name + "=" + new String(file.getBytes(), StandardCharsets.UTF_8);
    }

    @PostMapping("/form")
    String form(@RequestParam String name) {
      return name;
    }
  }

  @Bean
  ServletRegistrationBean<HttpServlet> raw() {
    ServletRegistrationBean<HttpServlet> servlet =
        new ServletRegistrationBean<>(new RawServlet(), "/raw/*");
    servlet.setAsyncSupported(true);
    return servlet;
  }

  /** Callables run on an executor that is no bean, so that nobody has wrapped it. */
  @Bean
  WebMvcConfigurer asynchronous() {
    return new WebMvcConfigurer() {
      @Override
      public void configureAsyncSupport(AsyncSupportConfigurer configurer) {
        configurer.setTaskExecutor(new SimpleAsyncTaskExecutor("callable-"));
      }
    };
  }

  /** Says when the container's thread has left a request that goes on. */
  @Bean
  WebServerFactoryCustomizer<TomcatServletWebServerFactory> valve(Handlers handlers) {
    return factory ->
        factory.addContextValves(
            new ValveBase(true) {
              @Override
              public void invoke(Request request, Response response)
                  throws IOException, ServletException {
                getNext().invoke(request, response);
                if (request.isAsync()) {
                  handlers.leftOpen.add(request.getRequestURI());
                }
              }
            });
  }

  /** Says in the error page for which test it is made. */
  @Bean
  ErrorAttributes errorAttributes() {
    return new DefaultErrorAttributes() {
      @Override
      public Map<String, @Nullable Object> getErrorAttributes(
          WebRequest request, ErrorAttributeOptions options) {
        return Map.of("status", 500, "whose", whose());
      }
    };
  }

  /** Gives a body back, read in the way that the path names. */
  static class RawServlet extends HttpServlet {

    @Override
    protected void doPost(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      response.setCharacterEncoding(StandardCharsets.UTF_8);
      switch (request.getPathInfo()) {
        case "/stream" -> request.getInputStream().transferTo(response.getOutputStream());
        case "/reader" -> request.getReader().transferTo(response.getWriter());
        case "/both" -> readBoth(request, response);
        case "/parameter" -> response.getWriter().print(request.getParameter("name"));
        case "/redispatched" -> request.startAsync().dispatch("/raw/stream");
        default -> readWithoutBlocking(request);
      }
    }

    private static void readBoth(HttpServletRequest request, HttpServletResponse response)
        throws IOException {
      request.getInputStream().readAllBytes();
      try {
        request.getReader();
      } catch (IllegalStateException asSpecified) {
        response.getWriter().print("IllegalStateException");
      }
    }

    private static void readWithoutBlocking(HttpServletRequest request) throws IOException {
      AsyncContext async = request.startAsync();
      ServletInputStream in = request.getInputStream();
      in.setReadListener(
          new ReadListener() {
            private final ByteArrayOutputStream read = new ByteArrayOutputStream();

            @Override
            public void onDataAvailable() throws IOException {
              byte[] some = new byte[1000];
              for (int length = 0; in.isReady() && length >= 0; ) {
                length = in.read(some);
                read.write(some, 0, Math.max(0, length));
              }
            }

            @Override
            public void onAllDataRead() throws IOException {
              async.getResponse().getOutputStream().write(read.toByteArray());
              async.complete();
            }

            @Override
            public void onError(Throwable failure) {
              async.complete();
            }
          });
    }
  }
}
