package io.sandpiper.spring;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A bean of the scope {@code sandbox} in one sandbox, made by the thread that made this.
 *
 * <p>Safe for use by several threads. Nothing is locked while it is made: a factory that hangs
 * holds up those who need this bean, and not the end of the test.
 */
final class SandboxBean {

  private final String name;
  private final Thread maker = Thread.currentThread();
  private final CountDownLatch done = new CountDownLatch(1);
  private final AtomicReference<@Nullable Runnable> callback = new AtomicReference<>();
  private volatile @Nullable Object object;

  SandboxBean(String name) {
    this.name = name;
  }

  String name() {
    return name;
  }

  void onDestruction(Runnable destruction) {
    callback.set(destruction);
  }

  /**
   * Takes what was made.
   *
   * @param made the bean, or null where that has failed
   */
  void made(@Nullable Object made) {
    object = made;
    done.countDown();
  }

  /** The bean; null where it could not be made. */
  @Nullable Object await() {
    if (done.getCount() > 0 && maker == Thread.currentThread()) {
      throw new IllegalStateException(
          "Bean %s is asked for while it is made. Break the cycle.".formatted(name));
    }
    try {
      done.await();
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(
          "The thread was interrupted while it waited for bean %s. %s"
              .formatted(name, describeUnfinished()),
          interrupted);
    }
    return object;
  }

  boolean isMadeBy(long deadline) {
    try {
      return done.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException noMoreTime) {
      return done.getCount() == 0;
    }
  }

  /** Once, whoever asks. */
  void destroy() {
    Runnable destruction = callback.getAndSet(null);
    if (destruction != null) {
      destruction.run();
    }
  }

  /** Somebody else destroys it. */
  void forget() {
    callback.set(null);
  }

  String describeUnfinished() {
    return ("Bean %s is still being made by thread %s, which destroys it when it comes back. Await"
            + " that work in the test, or let it end when it is interrupted. The thread is%n%s")
        .formatted(
            name,
            maker.getName(),
            Arrays.stream(maker.getStackTrace())
                .map(frame -> "      at %s%n".formatted(frame))
                .collect(Collectors.joining()));
  }
}
