package io.sandpiper.amqp;

import io.sandpiper.Sandbox;
import io.sandpiper.SandboxPart;
import io.sandpiper.Work;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The attempts of one test's consumers to handle a message that was delivered more than once: the
 * last one decides whether it was handled.
 */
final class Attempts implements SandboxPart {

  /**
   * After so many deliveries in vain a message is not waited for: one that always fails would keep
   * the test from ending.
   */
  private static final int WAITED_FOR = 3;

  private final Map<Of, Failed> failed = new ConcurrentHashMap<>();

  /**
   * What is attempted.
   *
   * @param messageId the message
   * @param queue the queue that delivers it
   */
  record Of(BrokerKey broker, String messageId, String queue) {}

  /** The deliveries of one message that have failed so far; guarded by itself. */
  private static final class Failed {

    private final List<Work> works = new ArrayList<>();
    private int deliveries;
  }

  /** Those of a test; null where it has ended. */
  static @Nullable Attempts in(Sandbox sandbox) {
    return (Attempts) sandbox.part(Attempts.class, Attempts::new);
  }

  /** How many have failed. */
  int failed(Of of) {
    Failed so = failed.get(of);
    if (so == null) {
      return 0;
    }
    synchronized (so) {
      return so.deliveries;
    }
  }

  /** Whether a further delivery of a message is worth waiting for. */
  boolean worthWaiting(Of of) {
    return failed(of) < WAITED_FOR;
  }

  void deliveryFailed(Of of) {
    Failed so = failed.computeIfAbsent(of, any -> new Failed());
    synchronized (so) {
      so.deliveries++;
    }
  }

  void workFailed(Of of, Work work) {
    Failed so = failed.computeIfAbsent(of, any -> new Failed());
    synchronized (so) {
      so.works.add(work);
    }
  }

  /**
   * An attempt has failed as well: what failed before is not told.
   *
   * @param attempt the work of that attempt
   */
  void superseded(Of of, Collection<Work> attempt) {
    Failed so = failed.get(of);
    if (so != null) {
      synchronized (so) {
        List<Work> earlier = so.works.stream().filter(work -> !attempt.contains(work)).toList();
        earlier.forEach(Work::failureSeen);
        so.works.removeAll(earlier);
      }
    }
  }

  /** The message was handled after all. */
  void forgive(Of of) {
    Failed so = failed.remove(of);
    if (so != null) {
      synchronized (so) {
        so.works.forEach(Work::failureSeen);
      }
    }
  }

  @Override
  public void fence() {}

  @Override
  public void rollBack() {
    failed.clear();
  }

  @Override
  public @Nullable String heldUpBy(Thread thread) {
    return null;
  }
}
