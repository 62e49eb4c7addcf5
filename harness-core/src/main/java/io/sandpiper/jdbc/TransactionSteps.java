package io.sandpiper.jdbc;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What an application has in an open transaction by name: its savepoints, and the modes that it has
 * given to constraints. To the server all transactions of a sandbox are one, and these are not
 * those of one of them.
 */
final class TransactionSteps {

  /** The newest first. */
  private final Deque<Mark> savepoints = new ArrayDeque<>();

  private final List<String> modes = new ArrayList<>();

  /**
   * A savepoint.
   *
   * @param modes how many modes had been set before it
   * @param inner the last transaction inside that had written before it, or null
   */
  private record Mark(String name, int modes, @Nullable Lease inner) {}

  /**
   * Takes note of a step that the server has taken.
   *
   * @param inner the last transaction inside that has written, or null
   */
  void taken(TransactionStep step, @Nullable Lease inner) {
    switch (step.kind()) {
      case SAVEPOINT -> savepoints.push(new Mark(step.subject(), modes.size(), inner));
      case RELEASE -> {
        passTo(step.subject());
        savepoints.poll();
      }
      case ROLLBACK_TO -> {
        passTo(step.subject());
        Mark reached = savepoints.peek();
        if (reached != null) {
          modes.subList(reached.modes(), modes.size()).clear();
        }
      }
      case SET_CONSTRAINTS -> modes.add(step.subject());
    }
  }

  /** The ones inside another go with it. */
  private void passTo(String name) {
    while (!savepoints.isEmpty() && !savepoints.getFirst().name().equals(name)) {
      savepoints.pop();
    }
  }

  /** The names of the savepoints that are there. */
  Set<String> savepoints() {
    return savepoints.stream().map(Mark::name).collect(Collectors.toSet());
  }

  /**
   * Whether a savepoint is there, and from before a transaction inside wrote.
   *
   * @param inner the last such transaction
   */
  boolean isBefore(Lease inner, String savepoint) {
    return savepoints.stream()
        .filter(mark -> mark.name().equals(savepoint))
        .findFirst()
        .filter(mark -> mark.inner() != inner)
        .isPresent();
  }

  /** The statements that give constraints the modes they have, in order. */
  List<String> modes() {
    return modes;
  }
}
