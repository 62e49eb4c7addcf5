package io.sandpiper.agent;

import io.sandpiper.Work;
import io.sandpiper.context.Scope;
import io.sandpiper.context.UnitOfWork;
import org.jspecify.annotations.Nullable;

/** For whom tasks will run that wait. Safe for use by several threads. */
final class Errands {

  private final IdentityMap<Errand> waiting = new IdentityMap<>();

  /** That of a task which the current thread gives to others. */
  static Errand of(Object task) {
    UnitOfWork current = Scope.currentWork();
    if (current == null) {
      return Errand.NOBODYS;
    }
    Caller caller = Caller.here();
    if (current instanceof Work) {
      return caller == Caller.SHARED ? Errand.NOBODYS : Errand.once(task);
    }
    // What libraries begin outside of all sandboxes, such as the loops of a container, goes on.
    return caller == Caller.APPLICATION ? new Errand.Part(current) : Errand.NOBODYS;
  }

  @Nullable Errand get(Object task) {
    return waiting.get(task);
  }

  /** Puts one where there is none; returns the one that is there. */
  @Nullable Errand putIfAbsent(Object task, Errand errand) {
    return waiting.putIfAbsent(task, errand);
  }

  /** Puts the second one in the place of the first. */
  boolean replace(Object task, Errand expected, Errand errand) {
    return waiting.replace(task, expected, errand);
  }

  boolean remove(Object task, Errand errand) {
    return waiting.remove(task, errand);
  }

  int size() {
    return waiting.size();
  }

  /** Puts one in the place of any other. */
  void give(Object task, Errand errand) {
    Errand before = waiting.put(task, errand);
    if (before != null) {
      before.abandon();
    }
  }

  /** Puts that of what can be started once; null where it was started before. */
  @Nullable Errand start(Object started, Errand errand) {
    if (waiting.putIfAbsent(started, errand) == null) {
      return errand;
    }
    errand.abandon();
    return null;
  }

  /** Takes that of a task which begins now, or null. */
  @Nullable Errand claim(Object task) {
    Errand errand = waiting.get(task);
    return errand == null || errand.repeats() || waiting.remove(task, errand) ? errand : null;
  }

  /** The task will not run any more, if it has not begun. */
  void abandoned(Object task) {
    Errand errand = waiting.get(task);
    // A run of a repeated one may be about to begin.
    if (errand != null
        && (errand.repeats()
            ? waiting.replace(task, errand, Errand.OVER)
            : waiting.remove(task, errand))) {
      errand.abandon();
    }
  }
}
