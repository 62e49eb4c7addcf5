package io.sandpiper.amqp;

import io.sandpiper.Hop;
import io.sandpiper.Run;
import io.sandpiper.Sandbox;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * Where the tests of a run are at home that shares a broker with others: the run in a queue of its
 * own, and each application context in one for each queue that it consumes.
 *
 * <p>Without such a context it knows no home elsewhere. Safe for use by several threads.
 */
final class Homes implements AutoCloseable {

  /** Where messages go whose home is gone. */
  static final String PARKED = "sandpiper.parked";

  private final Run run;
  private final HomeLife life;
  private final List<ContextHome> contexts = new CopyOnWriteArrayList<>();

  private final Set<String> deserted = ConcurrentHashMap.newKeySet();

  private Homes(Run run, HomeLife life) {
    this.run = run;
    this.life = life;
  }

  static Homes of(Run run) {
    return of(run, HomeLife.USUAL);
  }

  /**
   * Those of a run.
   *
   * @param life how long home queues last, where nobody has asked for them before
   */
  static Homes of(Run run, HomeLife life) {
    return run.shared(Homes.class, () -> new Homes(run, life));
  }

  HomeLife life() {
    return life;
  }

  /** The queue of a run. */
  static String queueOf(String run) {
    return "sandpiper.home." + run;
  }

  void add(ContextHome context) {
    contexts.add(context);
  }

  void remove(ContextHome context) {
    contexts.remove(context);
  }

  /**
   * The queue of the home that a message is to be forwarded to, or null where it is at home.
   *
   * @param consumer who was given it
   */
  @Nullable String elsewhere(Hop.Content content, @Nullable Object consumer) {
    if (contexts.isEmpty()) {
      return null;
    }
    Sandbox sandbox = run.sandboxOf(content);
    if (sandbox == null) {
      String other = run.strayOf(content);
      return other == null ? null : queueOf(other);
    }
    Object home = sandbox.home();
    if (home == null || consumer == null || contexts.size() == 1) {
      return null;
    }
    for (ContextHome context : contexts) {
      if (context.isOf(home)) {
        // Where its own context listens to no such queue, it is handled as without us.
        return context.has(consumer) ? null : context.queueFor(content.address());
      }
    }
    return null;
  }

  /**
   * The queue of the context that is to handle a message of a test, or null where there is none.
   */
  @Nullable String within(Sandbox sandbox, String queue) {
    Object home = sandbox.home();
    String found = null;
    for (ContextHome context : contexts) {
      String own = context.queueFor(queue);
      if (own != null && (home == null || context.isOf(home))) {
        return own;
      }
      found = found == null ? own : found;
    }
    return found;
  }

  /** Whether nobody was at a home when it was last looked for; it is not waited for then. */
  boolean isDeserted(String home) {
    return deserted.contains(home);
  }

  /** Remembers whether somebody is at a home. */
  void inhabited(String home, boolean somebody) {
    if (somebody) {
      deserted.remove(home);
    } else {
      deserted.add(home);
    }
  }

  @Override
  public void close() {
    contexts.clear();
  }
}
