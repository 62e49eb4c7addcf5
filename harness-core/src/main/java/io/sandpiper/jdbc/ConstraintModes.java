package io.sandpiper.jdbc;

import org.jspecify.annotations.Nullable;

/**
 * Whether the constraints of a sandbox's transaction are checked at the statement or wait for the
 * application's commit.
 *
 * <p>Outside an application transaction all are immediate; inside, each has the mode it was defined
 * with. Nothing is sent to a database without deferrable constraints.
 */
final class ConstraintModes {

  private static final String IMMEDIATE = "SET CONSTRAINTS ALL IMMEDIATE";

  private enum Mode {
    IMMEDIATE,
    AS_DEFINED,
    UNKNOWN
  }

  private Mode mode = Mode.AS_DEFINED;

  /** The SQL to send before an autocommit statement, or null. */
  @Nullable String beforeStatement(DatabaseFacts facts) {
    if (mode == Mode.IMMEDIATE || (mode == Mode.AS_DEFINED && facts.defer() == null)) {
      return null;
    }
    mode = Mode.IMMEDIATE;
    return IMMEDIATE;
  }

  /** The SQL to send before the first statement of an application transaction, or null. */
  @Nullable String beforeTransaction(DatabaseFacts facts) {
    if (mode == Mode.AS_DEFINED || (mode == Mode.IMMEDIATE && facts.defer() == null)) {
      return null;
    }
    return asDefined(facts);
  }

  /** The SQL to send before the first statement of a transaction inside one with other modes. */
  String beforeInner(DatabaseFacts facts) {
    return asDefined(facts);
  }

  /** The SQL that checks what a commit would check, or null. */
  @Nullable String atCommit(DatabaseFacts facts, boolean setByApplication) {
    return facts.defer() != null || (facts.deferrable() && setByApplication)
        ? asDefined(facts)
        : null;
  }

  private String asDefined(DatabaseFacts facts) {
    mode = Mode.AS_DEFINED;
    return facts.defer() == null ? IMMEDIATE : IMMEDIATE + ";" + facts.defer();
  }

  /** Something was defined, or the application has set modes where that has no effect. */
  void unknown() {
    mode = Mode.UNKNOWN;
  }
}
