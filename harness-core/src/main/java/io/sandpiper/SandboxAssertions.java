package io.sandpiper;

import io.sandpiper.Waits.Received;
import java.time.Duration;
import org.junit.jupiter.api.function.Executable;

/**
 * Assertions that wait for what the current test caused.
 *
 * <p>Each waits in the calling thread, is woken by what happens in the sandbox, and says on failure
 * what happened instead. They are for threads that work for a sandbox; {@link Sandbox#current()}
 * says what to do elsewhere.
 */
public final class SandboxAssertions {

  /** How long assertReceive and assertEventually wait where nothing else is said. */
  public static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(5);

  /** How long refuteReceive waits at most where nothing else is said. */
  public static final Duration DEFAULT_REFUTE_TIMEOUT = Duration.ofMillis(100);

  private SandboxAssertions() {}

  /** As {@link #assertReceive(Expectation, Duration)}, within {@link #DEFAULT_TIMEOUT}. */
  public static Hop assertReceive(Expectation expected) {
    return assertReceive(expected, DEFAULT_TIMEOUT);
  }

  /**
   * Waits until a hop matches and its handler has finished, so that what the handler wrote can be
   * seen; consumes the hop.
   *
   * @param timeout how long to wait; {@link Duration#ZERO} where it must have arrived
   * @return the first such hop that no assertion has consumed
   * @throws AssertionError where none came in time, or where its handler failed, with that cause
   * @throws IllegalStateException where a call is expected that is not {@linkplain Sandbox#watch
   *     watched}
   * @throws IllegalArgumentException where a call is expected of a method that cannot be
   */
  public static Hop assertReceive(Expectation expected, Duration timeout) {
    Sandbox sandbox = Sandbox.current();
    expected.checkIn(sandbox);
    Received received = new Waits(sandbox).receive(expected, timeout);
    if (received.failure() != null) {
      throw new AssertionError(
          new FailureText(sandbox).handlerFailed(received.hop(), received.failure()),
          received.failure());
    }
    return received.hop();
  }

  /** As {@link #refuteReceive(Expectation, Duration)}, {@link #DEFAULT_REFUTE_TIMEOUT} at most. */
  public static void refuteReceive(Expectation unexpected) {
    refuteReceive(unexpected, DEFAULT_REFUTE_TIMEOUT);
  }

  /**
   * Makes sure that no hop matches for some time, or until nothing is in progress and no answer is
   * outstanding, whichever is earlier.
   *
   * @throws AssertionError as soon as one matches
   * @throws IllegalStateException where it is a call that is not {@linkplain Sandbox#watch watched}
   * @throws IllegalArgumentException where it is a call of a method that cannot be
   */
  public static void refuteReceive(Expectation unexpected, Duration atMost) {
    Sandbox sandbox = Sandbox.current();
    unexpected.checkIn(sandbox);
    Hop hop = new Waits(sandbox).unexpected(unexpected, atMost);
    if (hop != null) {
      throw new AssertionError(new FailureText(sandbox).unexpected(unexpected, hop));
    }
    // A class may have been loaded meanwhile whose calls nobody can tell of.
    unexpected.checkIn(sandbox);
  }

  /** As {@link #assertEventually(Executable, Duration)}, within {@link #DEFAULT_TIMEOUT}. */
  public static void assertEventually(Executable assertion) {
    assertEventually(assertion, DEFAULT_TIMEOUT);
  }

  /**
   * Runs an assertion until it passes: at once, after each event in the sandbox, and every few
   * milliseconds for what makes no event.
   *
   * @throws AssertionError the last one, with the timeline, where it did not pass in time
   */
  public static void assertEventually(Executable assertion, Duration timeout) {
    Sandbox sandbox = Sandbox.current();
    AssertionError last = new Waits(sandbox).eventually(assertion, timeout);
    if (last != null) {
      throw new AssertionError(new FailureText(sandbox).stillFalse(last, timeout), last);
    }
  }
}
