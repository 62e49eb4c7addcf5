package io.sandpiper;

import java.time.Duration;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.function.Executable;

/** The waiting of the assertions, in the calling thread. */
final class Waits {

  private static final Duration POLL = Duration.ofMillis(10);

  private final Sandbox sandbox;

  Waits(Sandbox sandbox) {
    this.sandbox = sandbox;
  }

  /**
   * A hop whose handler has finished.
   *
   * @param failure why the handler failed, or null
   */
  record Received(Hop hop, @Nullable Throwable failure) {}

  Received receive(Expectation expected, Duration timeout) {
    Candidates candidates = new Candidates(sandbox, expected);
    Received received = await(candidates, timeout, () -> take(candidates));
    if (received == null) {
      throw new AssertionError(new FailureText(sandbox).noMatch(expected, timeout));
    }
    return received;
  }

  private @Nullable Received take(Candidates candidates) {
    Hop hop = candidates.first();
    while (hop != null) {
      Work handler = hop.handler();
      if (handler != null && !handler.finished()) {
        return null;
      }
      Throwable failure = handler == null ? null : handler.failure();
      if (failure == null || handler == null) {
        sandbox.mailbox().consume(hop);
        return new Received(hop, null);
      }
      Hop next = sandbox.mailbox().nextAttempt(hop);
      if (next == null) {
        return comesAgain(hop) ? null : failed(hop, handler, failure);
      }
      // Of several attempts to handle one message the last one decides.
      sandbox.mailbox().consume(hop);
      hop = next;
    }
    return null;
  }

  private Received failed(Hop hop, Work handler, Throwable failure) {
    sandbox.mailbox().consume(hop);
    sandbox.ledger().shown(handler);
    return new Received(hop, failure);
  }

  /** Whether the broker will deliver it once more. */
  private boolean comesAgain(Hop hop) {
    String messageId = hop.messageId();
    return messageId != null && sandbox.ledger().isInTransit(new Transit(messageId, hop.address()));
  }

  /** The hop that should not have come, or null. */
  @Nullable Hop unexpected(Expectation unexpected, Duration atMost) {
    record Verdict(@Nullable Hop hop) {}
    Candidates candidates = new Candidates(sandbox, unexpected);
    Work caller = Work.current();
    long until = System.nanoTime() + atMost.toNanos();
    Verdict verdict =
        await(
            candidates,
            atMost,
            () -> {
              Hop hop = candidates.first();
              return hop != null
                      || (!candidates.stale() && sandbox.ledger().nothingExpected(caller, until))
                  ? new Verdict(hop)
                  : null;
            });
    return verdict == null ? null : verdict.hop();
  }

  /** A hop that matches, its handler finished or not; null where none comes in time. */
  @Nullable Hop match(Expectation expected, Duration atMost) {
    Candidates candidates = new Candidates(sandbox, expected);
    return await(candidates, atMost, candidates::first);
  }

  /** What the probe gives, which runs under the lock after all that has come is judged. */
  private <T> @Nullable T await(
      Candidates candidates, Duration timeout, Supplier<@Nullable T> probe) {
    record Step<V>(@Nullable V value) {}
    long deadline = System.nanoTime() + timeout.toNanos();
    try {
      while (true) {
        candidates.judge();
        Step<T> step =
            sandbox
                .monitor()
                .await(
                    Duration.ofNanos(deadline - System.nanoTime()),
                    () -> {
                      T value = probe.get();
                      if (value != null || candidates.stale()) {
                        return new Step<>(value);
                      }
                      failIfHeldUp();
                      return null;
                    });
        if (step == null) {
          return null;
        }
        if (step.value() != null) {
          return step.value();
        }
      }
    } catch (InterruptedException interrupted) {
      throw interrupted();
    }
  }

  /** The last error of an assertion that did not come true in time, or null where it did. */
  @Nullable AssertionError eventually(Executable assertion, Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    try (Monitor.Watch others = sandbox.monitor().watch()) {
      while (true) {
        others.look();
        AssertionError error = attempt(assertion);
        long left = deadline - System.nanoTime();
        if (error == null || left <= 0) {
          return error;
        }
        sandbox.read(
            () -> {
              failIfHeldUp();
              return null;
            });
        others.await(Math.min(left, POLL.toNanos()));
      }
    } catch (InterruptedException interrupted) {
      throw interrupted();
    }
  }

  private static @Nullable AssertionError attempt(Executable assertion) {
    try {
      assertion.execute();
      return null;
    } catch (AssertionError error) {
      return error;
    } catch (Throwable thrown) {
      throw sneaky(thrown);
    }
  }

  @SuppressWarnings("unchecked")
  private static <E extends Throwable> RuntimeException sneaky(Throwable thrown) throws E {
    throw (E) thrown;
  }

  private void failIfHeldUp() {
    for (SandboxPart part : sandbox.parts()) {
      String reason = part.heldUpBy(Thread.currentThread());
      if (reason != null) {
        throw new AssertionError(new FailureText(sandbox).withTimeline(reason));
      }
    }
  }

  private AssertionError interrupted() {
    Thread.currentThread().interrupt();
    return new AssertionError(
        new FailureText(sandbox).withTimeline("The thread was interrupted while it waited."));
  }
}
