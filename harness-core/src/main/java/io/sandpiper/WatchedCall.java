package io.sandpiper;

import io.sandpiper.context.Scope;
import java.nio.charset.StandardCharsets;
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

  private final WatchedCalls calls;
  private final Teller teller;
  private final Class<?> type;
  private final String method;

  /** As they were when the call began: its method may change them. */
  private final byte[] arguments;

  private WatchedCall(
      WatchedCalls calls, Teller teller, Class<?> type, String method, byte[] arguments) {
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

  /** Whether the current thread's test wants to know, by this teller, of a call that it makes. */
  public static boolean isWanted(Teller teller, Class<?> type) {
    Work work = Work.current();
    return work != null && work.sandbox().calls().watches(teller, type);
  }

  /**
   * Begins one; its arguments are written down now.
   *
   * @param type the class of the object whose method it is
   * @return null where it is not {@linkplain #isWanted wanted}
   */
  public static @Nullable WatchedCall begin(
      Teller teller, Class<?> type, String method, @Nullable Object[] arguments) {
    Work work = Work.current();
    return work != null && isWanted(teller, type)
        ? new WatchedCall(
            work.sandbox().calls(), teller, type, method, written(() -> json(arguments)))
        : null;
  }

  private static byte[] json(@Nullable Object[] arguments) {
    return Snapshot.of(arguments).toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Records it as one that has returned, with nothing. */
  public void returned() {
    ended(() -> "returned");
  }

  /** Records it as one that has returned. */
  public void returned(@Nullable Object result) {
    ended(() -> "returned " + Snapshot.text(result));
  }

  /** Records it as one that has failed. */
  public void threw(Throwable failure) {
    ended(() -> "threw " + Snapshot.text(failure));
  }

  private void ended(Supplier<String> outcome) {
    calls.called(teller, type, method, arguments, written(outcome));
  }

  /** In no test's scope: what writing it down calls may be watched too. */
  private static <T> T written(Supplier<T> text) {
    try (Scope nobodys = Scope.open(null, "the record of a watched call")) {
      return text.get();
    }
  }
}
