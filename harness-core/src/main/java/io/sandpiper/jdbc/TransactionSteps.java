package io.sandpiper.jdbc;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What an application has in an open transaction by name: its savepoints, and the modes that it has
 * given to constraints. To the server all transactions of a sandbox are one, and these are not
 * those of one of them.
 */
final class TransactionSteps {

  /** The newest first. */
  private final Deque<Mark> savepoints = new ArrayDeque<>();

  private final List<String> modes = new ArrayList<>();

  /** A savepoint, and how many modes had been set before it. */
  private record Mark(String name, int modes) {}

  /** Takes note of a step that the server has taken. */
  void taken(TransactionStep step) {
    switch (step.kind()) {
      case SAVEPOINT -> savepoints.push(new Mark(step.subject(), modes.size()));
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

  /** The statements that give constraints the modes they have, in order. */
  List<String> modes() {
    return modes;
  }
}
