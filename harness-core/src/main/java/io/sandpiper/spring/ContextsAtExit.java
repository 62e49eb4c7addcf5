package io.sandpiper.spring;

import io.sandpiper.Run;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringApplication;

/**
 * Keeps what the run has started, such as a database server, until Spring's own shutdown hook has
 * closed the application contexts: a pool that is closed after its server waits for it.
 */
final class ContextsAtExit implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(ContextsAtExit.class);

  private static final int LIMIT_SECONDS = 20;

  private final CountDownLatch closed = new CountDownLatch(1);

  private ContextsAtExit() {}

  /** Does so once for a run. */
  static void areClosedFirst(Run run) {
    run.shared(
        ContextsAtExit.class,
        () -> {
          ContextsAtExit contexts = new ContextsAtExit();
          SpringApplication.getShutdownHandlers().add(contexts.closed::countDown);
          run.beforeExit(contexts::await);
          return contexts;
        });
  }

  private void await() {
    try {
      if (!closed.await(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        LOG.warn(
            "The application contexts were not closed within {} s; what they use is.",
            LIMIT_SECONDS);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {}
}
