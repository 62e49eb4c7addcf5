package io.sandpiper.jdbc;

import io.sandpiper.Isolation;
import java.util.List;

/** Every way in which a sandbox is not like a plain connection; the guide's page says the same. */
final class Differences {

  /**
   * A program that sees something else in a sandbox.
   *
   * @param isolation which sandbox
   * @param program its name
   * @param sentence what the guide says of it, word for word
   * @param lines what the sandbox's transcript has where the plain one differs
   */
  record Difference(Isolation isolation, String program, String sentence, List<String> lines) {}

  static final List<Difference> ALL = List.of();

  private Differences() {}

  /** What the sandbox's transcript of a program has where the plain one differs. */
  static List<String> lines(Program program, Isolation isolation) {
    return ALL.stream()
        .filter(difference -> difference.isolation() == isolation)
        .filter(difference -> difference.program().equals(program.name()))
        .flatMap(difference -> difference.lines().stream())
        .toList();
  }
}
