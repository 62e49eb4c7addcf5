package io.sandpiper.agent;

import io.sandpiper.Work;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The failures that futures keep, until somebody is given them: what nobody has seen when the test
 * ends fails it. Safe for use by several threads.
 */
final class Failures {

  /**
   * By the future that keeps it, or by the failure itself where that goes from one to another. Work
   * that has failed refers to its failure, so the sets are weak: it lives as long as its sandbox.
   */
  private final IdentityMap<Set<Work>> unseen = new IdentityMap<>();

  /**
   * The work of the current thread has failed, and whoever runs it is not told.
   *
   * @param future what keeps the failure, or null where stages hand it on
   */
  void kept(@Nullable Object future, Throwable failure) {
    Work current = Work.current();
    Throwable reason = reason(failure);
    if (current == null || reason instanceof CancellationException) {
      return;
    }
    Set<Work> works = works(future == null ? reason : future);
    // Two tests may run into one exception that somebody has made beforehand.
    if (list(works).stream().anyMatch(work -> work.sandbox() == current.sandbox())) {
      return;
    }
    Work failed = current.sandbox().begin(current.origin());
    if (failed != null) {
      works.add(failed);
      failed.finish(reason);
    }
  }

  private Set<Work> works(Object key) {
    Set<Work> none = Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));
    Set<Work> known = unseen.putIfAbsent(key, none);
    return known == null ? none : known;
  }

  private static List<Work> list(Set<Work> works) {
    synchronized (works) {
      return List.copyOf(works);
    }
  }

  /** Somebody was given a failure, or was told that there is none. */
  void seen(@Nullable Throwable failure) {
    if (failure != null) {
      seenOf(reason(failure));
    }
  }

  /** Somebody was given the failure of a future. */
  void seenOf(Object key) {
    Set<Work> works = unseen.get(key);
    if (works == null) {
      return;
    }
    Work current = Work.current();
    List<Work> all = list(works);
    List<Work> own =
        all.stream()
            .filter(work -> current != null && work.sandbox() == current.sandbox())
            .toList();
    for (Work work : own.isEmpty() ? all : own) {
      works.remove(work);
      work.failureSeen();
    }
  }

  private static Throwable reason(Throwable failure) {
    Throwable reason = failure;
    for (Throwable cause = reason.getCause();
        cause != null
            && (reason instanceof CompletionException || reason instanceof ExecutionException);
        cause = reason.getCause()) {
      reason = cause;
    }
    return reason;
  }
}
