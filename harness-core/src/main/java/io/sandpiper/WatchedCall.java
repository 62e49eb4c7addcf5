package io.sandpiper;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A call that the current thread makes of a method that its test {@linkplain Sandbox#watch
 * watches}, from its begin to its end; for integrations that tell of calls.
 *
 * <p>Each watch of a test is told of by one of them, whoever else sees the call: what a test
 * records does not depend on what its neighbours watch. For use by the thread that began it.
 */
public final class WatchedCall {

  /** Set while arguments and results are written down, by methods that may be watched too. */
  private static final ThreadLocal<@Nullable Boolean> WRITES = new ThreadLocal<>();

  private final WatchedCalls calls;
  private final Teller teller;
  private final Class<?> type;
  private final String method;
  private final @Nullable Object[] arguments;

  private WatchedCall(
      WatchedCalls calls,
      Teller teller,
      Class<?> type,
      String method,
      @Nullable Object[] arguments) {
    this.calls = calls;
    this.teller = teller;
    this.type = type;
    this.method = method;
    this.arguments = arguments;
  }

  /** Who sees a call. */
  public enum Teller {
    /** The {@linkplain ApplicationUnderTest#watch application} of the test: calls of a bean. */
    APPLICATION,
    /** A {@linkplain Run#addCallWatcher watcher} of the run: calls of any object of a class. */
    RUN
  }

  /**
   * Begins one.
   *
   * @param type the class of the object whose method it is
   * @return null where nobody wants to know of it by this teller
   */
  public static @Nullable WatchedCall begin(
      Teller teller, Class<?> type, String method, @Nullable Object[] arguments) {
    Work work = Work.current();
    if (work == null || WRITES.get() != null) {
      return null;
    }
    WatchedCalls calls = work.sandbox().calls();
    return calls.watches(teller, type)
        ? new WatchedCall(calls, teller, type, method, arguments)
        : null;
  }

  /** Records it as one that has returned, with nothing. */
  public void returned() {
    ended(() -> "returned");
  }

  /** Records it as one that has returned. */
  public void returned(@Nullable Object result) {
    ended(() -> "returned " + WatchedCalls.text(result));
  }

  /** Records it as one that has failed. */
  public void threw(Throwable failure) {
    ended(() -> "threw " + WatchedCalls.text(failure));
  }

  private void ended(Supplier<String> outcome) {
    WRITES.set(true);
    try {
      calls.called(teller, type, method, arguments, outcome.get());
    } finally {
      WRITES.remove();
    }
  }
}
