package io.sandpiper;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The failures of one test's background work that nobody has seen: those alike are one, and of very
 * many only the first are told, because a task or a message may fail a thousand times.
 */
final class BackgroundFailures {

  private static final int TOLD = 10;

  /** Failures alike. */
  private record Kind(String work, String failure) {}

  private final Sandbox sandbox;
  private final Map<Kind, List<Throwable>> kinds = new LinkedHashMap<>();

  BackgroundFailures(Sandbox sandbox) {
    this.sandbox = sandbox;
    // What one task throws, the task that waits for it may throw as well.
    Set<Throwable> known = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Work work : sandbox.read(() -> sandbox.ledger().failed())) {
      Throwable failure = work.failure();
      if (failure != null && known.add(failure)) {
        Kind kind = new Kind(work.origin(), String.valueOf(failure));
        kinds.computeIfAbsent(kind, any -> new ArrayList<>()).add(failure);
      }
    }
  }

  /**
   * One error for each kind, with its first failure as the cause.
   *
   * @param timeline whether the first shows the timeline
   */
  List<AssertionError> errors(boolean timeline) {
    List<AssertionError> errors = new ArrayList<>();
    kinds.forEach(
        (kind, failures) -> {
          if (errors.size() < TOLD) {
            String more =
                timeline && errors.isEmpty() ? "\n" + Timeline.HEADING + sandbox.journal() : "";
            errors.add(new AssertionError(text(kind, failures.size()) + more, failures.get(0)));
          }
        });
    String others = others();
    if (others != null) {
      errors.add(new AssertionError(others));
    }
    return errors;
  }

  private String text(Kind kind, int times) {
    return "Background work of %s failed%s: %s: %s"
        .formatted(
            sandbox.testName(),
            times == 1 ? "" : " %d times".formatted(times),
            kind.work(),
            kind.failure());
  }

  private @Nullable String others() {
    int others = kinds.values().stream().skip(TOLD).mapToInt(List::size).sum();
    return others == 0
        ? null
        : "%d more failures of the background work of %s are in its journal."
            .formatted(others, sandbox.testName());
  }
}
