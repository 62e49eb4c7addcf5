package io.sandpiper;

/** How much work a sandbox has open, for tests of other packages. */
public final class CountedWork {

  private CountedWork() {}

  /** The number of units of work that the end of the test would wait for. */
  public static int of(Sandbox sandbox) {
    return sandbox.read(() -> sandbox.ledger().counted().size());
  }
}
