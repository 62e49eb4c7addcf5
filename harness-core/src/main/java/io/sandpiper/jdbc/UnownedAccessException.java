package io.sandpiper.jdbc;

import io.sandpiper.CallSite;
import io.sandpiper.Sandbox;
import java.util.List;
import java.util.stream.Collectors;

/** Database access by work that belongs to no test; the database was not touched. */
public final class UnownedAccessException extends SandboxException {

  private static final long serialVersionUID = 1;

  private static final int MOST_NAMES = 5;

  private static final String REMEDIES =
      " If a test caused this work, carry its id: give the test @Sandboxed, hand tasks to other"
          + " threads through Sandbox.wrap(…) or a Spring executor bean, or run the tests with the"
          + " agent, which carries it to any thread (docs/agent.md), and let workers echo the test"
          + " id or the correlation id. If it is set-up, put it into @BeforeAll or"
          + " Sandbox.outside(…).";

  private final String where;

  private UnownedAccessException(Object use, String rule) {
    this(use, String.valueOf(CallSite.here()), rule);
  }

  private UnownedAccessException(Object use, String where, String rule) {
    super(
        "Thread %s works for no test and was refused its database access: %s, at %s.%s%s"
            .formatted(Thread.currentThread().getName(), use, where, REMEDIES, rule),
        "SP002");
    this.where = where;
  }

  /** The place in the application that was refused. */
  String where() {
    return where;
  }

  static UnownedAccessException refused(Object use) {
    return new UnownedAccessException(
        use,
        " To let such work reach the real database, set sandpiper.unowned=pass-through; to let it"
            + " use the sandbox of the only test that is open, sandpiper.unowned=shared.");
  }

  /**
   * What {@link Unowned#SHARED} refuses.
   *
   * @param open the sandboxes that it might belong to, not exactly one
   */
  static UnownedAccessException notOne(Object use, List<Sandbox> open) {
    return new UnownedAccessException(
        use,
        " With sandpiper.unowned=shared it uses the only open sandbox, but %s."
            .formatted(
                open.isEmpty()
                    ? "none with isolation TRANSACTION or DATABASE is open: the test that caused"
                        + " it has ended or has no @Sandboxed"
                    : "%d are open (%s): run such tests one at a time"
                        .formatted(open.size(), names(open))));
  }

  private static String names(List<Sandbox> open) {
    String names =
        open.stream().limit(MOST_NAMES).map(Sandbox::testName).collect(Collectors.joining(", "));
    return open.size() <= MOST_NAMES
        ? names
        : "%s and %d others".formatted(names, open.size() - MOST_NAMES);
  }
}
