package io.sandpiper.jdbc;

/** Database access by work that belongs to no test; the database was not touched. */
public final class UnownedAccessException extends SandboxException {

  private static final long serialVersionUID = 1;

  UnownedAccessException(String use) {
    super(
        ("Thread %s works for no test and was refused its database access: %s. If a test caused"
                + " this work, carry its id: give the test @Sandboxed, hand tasks to other threads"
                + " through Sandbox.wrap(…) or a Spring executor bean, and let workers echo the"
                + " test id or the correlation id. If it is set-up, put it into @BeforeAll or"
                + " Sandbox.outside(…). To let such work reach the real database, set"
                + " sandpiper.unowned=pass-through.")
            .formatted(Thread.currentThread().getName(), use),
        "SP002");
  }
}
